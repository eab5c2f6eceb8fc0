import { type HarnessModel, IDLE_SECONDS, PROVIDER, providerBlock } from './harness-model.ts';

const EXEC_SECONDS = 600;

/**
 * OpenClaw's configuration for an episode: four tools, no plugins, no skills, no bootstrap files, no
 * compaction. Each of the left-out features either makes a request differ from the beginning of the
 * next one or lets files of the workspace into the prompt. OpenClaw refuses unknown keys.
 */
export function openclawConfig(workspace: string, model: string, settings: HarnessModel): object {
  const provider = providerBlock(model, settings, { requiresStringContent: true });
  return {
    models: {
      mode: 'replace',
      providers: { [PROVIDER]: { ...provider, timeoutSeconds: IDLE_SECONDS } },
    },
    agents: {
      defaults: {
        workspace,
        model: { primary: `${PROVIDER}/${model}` },
        thinkingDefault: 'low',
        skipBootstrap: true,
        contextInjection: 'never',
        skills: [],
        compaction: { enabled: false },
        userTimezone: 'UTC',
      },
    },
    tools: {
      // Neither `process` nor `sessions_spawn`: each adds a last message that the next request drops.
      allow: ['read', 'write', 'edit', 'exec'],
      deny: ['apply_patch'],
      toolSearch: false,
      codeMode: false,
      updatePlan: false,
      exec: { host: 'gateway', mode: 'full', timeoutSeconds: EXEC_SECONDS },
      fs: { workspaceOnly: false },
    },
    plugins: { enabled: false },
    session: { maintenance: { mode: 'warn' } },
  };
}
