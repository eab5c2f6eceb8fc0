import type { Task } from '../tasks/task.ts';
import { AGENT_DIR, type Agent, type AgentCommand } from './agent.ts';
import type { AgentHost } from './agent-host.ts';
import type { HarnessRecipe } from './harness-install.ts';
import { HARNESS_DIR, type HarnessModel, NODE_IN_SANDBOX } from './harness-model.ts';
import { type NodeHarnessOptions, type NodeHarnessRun, nodeHarness } from './node-harness.ts';
import { openclawConfig } from './openclaw-config.ts';
import { sessionNumbers, turnFile, turnFiles } from './turn-files.ts';

const PACKAGE_DIR = 'node_modules/openclaw';

const OPENCLAW_RECIPE: HarnessRecipe = {
  name: 'openclaw',
  package: 'openclaw',
  recipeVersion: 1,
  // Finishes what `--ignore-scripts` left out; a first start on a read-only install fails without.
  afterInstall: [{ folder: PACKAGE_DIR, script: 'scripts/postinstall-bundled-plugins.mjs' }],
};

const CONFIG_FILE = `${AGENT_DIR}/openclaw/openclaw.json`;

/**
 * OpenClaw puts the time before a message that has none. A fixed one makes the samples of a task
 * start from the same prompt.
 */
const TIME_STAMP = '[Thu 2026-01-01 00:00 UTC] ';

/**
 * `--liftoff-only` halves the peak memory and is refused in NODE_OPTIONS, so it stands on the
 * command line (measured: 0.45 to 0.52 GB in place of 1.1 to 1.2 GB).
 */
const NODE_FLAGS = ['--liftoff-only', '--max-semi-space-size=2'];

/** The harness's own peak with these flags, and room for its tools' child processes. */
const MEMORY_MIB = 1_024;

const ENV = {
  OPENCLAW_CONFIG_PATH: CONFIG_FILE,
  // One process: a respawned one is left behind when its launcher is killed.
  OPENCLAW_NO_RESPAWN: '1',
  OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED: '1',
  // A cold cache costs 33 MB of /tmp and saves nothing in a sandbox that lives for one task.
  NODE_DISABLE_COMPILE_CACHE: '1',
  // Without it the exec tool falls back to sh, and models write bash.
  SHELL: '/bin/bash',
  // There are no start-up files in the sandbox whose effect a snapshot could keep.
  OPENCLAW_EXEC_SHELL_SNAPSHOT: '0',
};

/** OpenClaw, unmodified, in the configuration whose requests are prefixes of each other. */
export function openclawAgent(host: AgentHost, options: NodeHarnessOptions): Agent {
  return nodeHarness(
    {
      recipe: OPENCLAW_RECIPE,
      build: (task, model, deadline) => openclawRun(task, model, deadline, options.model),
      env: ENV,
      memoryMiB: MEMORY_MIB,
    },
    host,
    options,
  );
}

/**
 * `agent --local` with a session id of our own, not `agent exec`: the latter puts a random UUID into
 * the prompt and cannot continue a conversation. Their requests are otherwise the same.
 */
function openclawRun(
  task: Task,
  model: string,
  deadlineSeconds: number,
  settings: HarnessModel,
): NodeHarnessRun {
  return {
    commands: sessionNumbers(task).map(
      (session, index): AgentCommand => ({
        argv: [
          // A state folder each: a start on one that was used takes twice as long (measured).
          'env',
          `OPENCLAW_STATE_DIR=/tmp/openclaw-${session}`,
          NODE_IN_SANDBOX,
          ...NODE_FLAGS,
          `${HARNESS_DIR}/${PACKAGE_DIR}/openclaw.mjs`,
          'agent',
          '--local',
          '--json',
          '--agent',
          'main',
          '--session-id',
          `clawgym-${session}`,
          '--timeout',
          String(deadlineSeconds),
          '--message-file',
          turnFile(index + 1),
        ],
      }),
    ),
    files: [
      ...turnFiles(task, TIME_STAMP),
      {
        path: CONFIG_FILE,
        content: `${JSON.stringify(openclawConfig(task.workspace.path, model, settings), null, 2)}\n`,
      },
    ],
  };
}
