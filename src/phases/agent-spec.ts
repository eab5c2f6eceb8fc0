import { MODEL_LINK_KEY, MODEL_LINK_URL, type ProcessPlan } from '../agents/agent.ts';

/** Places inside the sandbox that only the wrapper uses. */
/** Folder with a `__main__.py`: Python runs it as a program, also in isolated mode. */
export const INIT_DIR = '/run/clawgym/agent_init';
export const LINK_DIR = '/run/clawgym/link';
export const REPORT_DIR = '/run/clawgym/report';
/** Python of the runner root and of the fallback. */
export const PYTHON_PATH = '/usr/bin/python3';

/** Of each of the agent's outputs, so much is kept of its start and of its end. */
export const KEEP_OUTPUT_BYTES = 512 * 1024;

/**
 * Of what the agent writes beside the report: with the outputs, which come last, it stays below the
 * size of a pod's report volume, or the kubelet would end the pod for it.
 */
const REPORT_EXTRA_MIB = 8;

const LINK_RETRY_SECONDS = 150;
const MIB = 1024 * 1024;

export interface AgentSpecInput {
  readonly plan: ProcessPlan;
  /** Workspace inside the sandbox. */
  readonly workspacePath: string;
  /** File name of the model link's socket in its folder; undefined: no model. */
  readonly linkName: string | undefined;
  readonly deadlineSeconds: number;
  readonly memoryMiB: number;
  readonly workspaceMiB: number;
  readonly workspaceEntries: number;
  readonly tmpMiB: number;
  /** Proves that the report was written by the wrapper and not by the agent. */
  readonly nonce: string;
}

/** File name of the report: the agent, which could write there too, cannot know it. */
export function reportName(nonce: string): string {
  return `${nonce}.json`;
}

/** What agent_init reads, locally from its standard input; both sides are one release. */
export function agentSpec(input: AgentSpecInput): object {
  return {
    nonce: input.nonce,
    reportPath: `${REPORT_DIR}/${reportName(input.nonce)}`,
    cwd: input.workspacePath,
    env: agentEnv(input.plan.env),
    commands: input.plan.commands,
    deadlineSeconds: input.deadlineSeconds,
    link:
      input.linkName === undefined
        ? null
        : {
            socket: `${LINK_DIR}/${input.linkName}`,
            port: Number(new URL(MODEL_LINK_URL).port),
            retrySeconds: LINK_RETRY_SECONDS,
          },
    limits: {
      memoryBytes: input.memoryMiB * MIB,
      workspaceBytes: input.workspaceMiB * MIB,
      workspaceEntries: input.workspaceEntries,
      tmpBytes: input.tmpMiB * MIB,
      reportBytes: REPORT_EXTRA_MIB * MIB,
    },
  };
}

/** Files of the report volume beside the report itself. */
export const STDOUT_FILE = 'stdout' as const;
export const STDERR_FILE = 'stderr' as const;

/** A pod whose agent is no program: `stage` has made its changes, the wrapper has nothing to start. */
export const NO_PROGRAM: ProcessPlan = {
  kind: 'process',
  commands: [],
  files: [],
  mounts: [],
  env: {},
  memoryMiB: 0,
};

/**
 * The same for the wrapper as the first process of a pod's agent container: the companion serves the
 * model link itself, the container's output is not captured from outside, and the container's exit
 * code is the agent's own.
 */
export function podAgentSpec(input: Omit<AgentSpecInput, 'linkName'>): Record<string, unknown> {
  return {
    ...agentSpec({ ...input, linkName: undefined }),
    outputs: {
      stdout: `${REPORT_DIR}/${STDOUT_FILE}`,
      stderr: `${REPORT_DIR}/${STDERR_FILE}`,
      keepBytes: KEEP_OUTPUT_BYTES,
    },
    exitWithAgent: true,
  };
}

/** Environment that every agent sees; a plan's own values win. */
export function agentEnv(own: Readonly<Record<string, string>>): Record<string, string> {
  return {
    PATH: '/opt/agent/bin:/usr/local/bin:/usr/bin:/bin',
    HOME: '/tmp/home',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    OPENAI_BASE_URL: MODEL_LINK_URL,
    OPENAI_API_KEY: MODEL_LINK_KEY,
    ...own,
  };
}
