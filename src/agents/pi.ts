import type { Task } from '../tasks/task.ts';
import { AGENT_DIR, type Agent, type AgentCommand } from './agent.ts';
import type { AgentHost } from './agent-host.ts';
import type { HarnessRecipe } from './harness-install.ts';
import {
  HARNESS_DIR,
  type HarnessModel,
  IDLE_SECONDS,
  NODE_IN_SANDBOX,
  PROVIDER,
  providerBlock,
} from './harness-model.ts';
import { type NodeHarnessOptions, type NodeHarnessRun, nodeHarness } from './node-harness.ts';
import { sessionNumbers, turnFiles } from './turn-files.ts';

const PI_RECIPE: HarnessRecipe = {
  name: 'pi',
  package: '@earendil-works/pi-coding-agent',
  recipeVersion: 1,
  afterInstall: [],
};

const CLI = `${HARNESS_DIR}/node_modules/${PI_RECIPE.package}/dist/bundle/cli.js`;
const CONFIG_DIR = `${AGENT_DIR}/pi`;
const LAUNCHER = `${CONFIG_DIR}/launch.sh`;

/**
 * pi locks and rewrites files in its configuration folder, so it gets a copy in its home. The
 * prompt comes on standard input: an argument may start with `-` or `@` or be too long for one.
 */
const LAUNCHER_TEXT = `set -e
mkdir -p "$HOME/.pi/agent"
cp ${CONFIG_DIR}/models.json ${CONFIG_DIR}/settings.json "$HOME/.pi/agent/"
exec ${NODE_IN_SANDBOX} ${CLI} "$@"
`;

/**
 * Nothing of the workspace or of a home configures the run. Text mode, because its exit status is 1
 * where the last model call failed; the conversation itself is in the call record.
 */
const FLAGS = [
  '--print',
  '--no-extensions',
  '--no-skills',
  '--no-prompt-templates',
  '--no-themes',
  '--no-context-files',
  '--no-approve',
  '--session-dir',
  '/tmp/pi-sessions',
];

/** Measured: 96 to 107 MB for the harness; the rest is for its tools' child processes. */
const MEMORY_MIB = 256;

/** pi, unmodified, in the configuration whose requests are prefixes of each other. */
export function piAgent(host: AgentHost, options: NodeHarnessOptions): Agent {
  return nodeHarness(
    {
      recipe: PI_RECIPE,
      build: (task, model) => piRun(task, model, options.model),
      env: { PI_OFFLINE: '1', PI_TELEMETRY: '0', NODE_DISABLE_COMPILE_CACHE: '1' },
      memoryMiB: MEMORY_MIB,
    },
    host,
    options,
  );
}

function piRun(task: Task, model: string, settings: HarnessModel): NodeHarnessRun {
  const sessions = sessionNumbers(task);
  return {
    commands: task.instruction.turns.map((turn, index): AgentCommand => {
      // The session of the turn before is the most recent one, so `--continue` finds it.
      const goesOn = index > 0 && sessions[index] === sessions[index - 1];
      return {
        argv: ['sh', LAUNCHER, ...FLAGS, ...(goesOn ? ['--continue'] : [])],
        stdin: turn.text,
      };
    }),
    files: [
      ...turnFiles(task),
      { path: LAUNCHER, content: LAUNCHER_TEXT },
      { path: `${CONFIG_DIR}/models.json`, content: toJson(modelsJson(model, settings)) },
      { path: `${CONFIG_DIR}/settings.json`, content: toJson(settingsJson(model)) },
    ],
  };
}

function modelsJson(model: string, settings: HarnessModel): object {
  return {
    providers: { [PROVIDER]: providerBlock(model, settings, { supportsDeveloperRole: false }) },
  };
}

/** The model is named here because `--model` takes a pattern, and a name may look like one. */
function settingsJson(model: string): object {
  return {
    defaultProvider: PROVIDER,
    defaultModel: model,
    defaultThinkingLevel: 'low',
    defaultProjectTrust: 'never',
    cacheWarming: 'off',
    // The gateway bounds the context and repeats what can be repeated.
    compaction: { enabled: false },
    retry: { enabled: false },
    httpIdleTimeoutMs: IDLE_SECONDS * 1000,
    enableInstallTelemetry: false,
  };
}

function toJson(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
