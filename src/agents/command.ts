import { ClawError } from '../base/error.ts';
import type { Task } from '../tasks/task.ts';
import type { Agent, AgentCommand, AgentTaskContext, PreparedAgent, ProcessPlan } from './agent.ts';
import { configDigest } from './agent-host.ts';
import { sessionNumbers, turnFile, turnFiles } from './turn-files.ts';

/** Any program as a harness, by the black-box contract of docs/reference/agent-contract.md. */
export interface CommandOptions {
  /** A shell command line, or a program with its arguments, run once a turn. */
  readonly command: string | readonly string[];
  /** Version that the user gives his program; recorded with every attempt. */
  readonly version?: string;
  /** Added to the sandbox's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Host folders that the program needs, read-only. */
  readonly mounts?: ProcessPlan['mounts'];
  /** Floor of the sandbox's memory limit. */
  readonly memoryMiB?: number;
}

const DEFAULT_MEMORY_MIB = 256;
/** Raised with every change of how its program is started and what it is given. */
const CONTRACT = 1;

export function commandAgent(options: CommandOptions): Agent {
  const argv = commandArgv(options.command);
  const version = options.version ?? '0';
  const prepared: PreparedAgent = {
    name: 'command',
    version,
    configDigest: configDigest({
      name: 'command',
      version,
      contract: CONTRACT,
      options,
    }),
    programMiB: () => options.memoryMiB ?? DEFAULT_MEMORY_MIB,
    unsuited: () => undefined,
    plan: (task, context) => Promise.resolve(commandPlan(task, context, argv, options)),
  };
  const ready = (): Promise<PreparedAgent> => Promise.resolve(prepared);
  return { name: 'command', prepare: ready, fromImage: ready };
}

function commandArgv(command: CommandOptions['command']): readonly string[] {
  const argv = typeof command === 'string' ? ['sh', '-c', command] : command;
  const bad = argv.findIndex((part) => part.includes('\0'));
  if (bad >= 0) {
    throw new ClawError('InvalidInput', `agent command: argument ${bad} holds a NUL character`);
  }
  const program = typeof command === 'string' ? command : argv[0];
  if (program === undefined || program.trim() === '') {
    throw new ClawError(
      'InvalidInput',
      'agent command: the command is empty: give a command line such as "my-agent --yes"',
    );
  }
  return argv;
}

function commandPlan(
  task: Task,
  context: AgentTaskContext,
  argv: readonly string[],
  options: CommandOptions,
): ProcessPlan {
  const sessions = sessionNumbers(task);
  return {
    kind: 'process',
    commands: sessions.map((session, index): AgentCommand => {
      const turn = index + 1;
      // `env` carries what differs between turns: the plan's environment is one for all of them.
      const perTurn = [
        `CLAWGYM_INSTRUCTION_FILE=${turnFile(turn)}`,
        `CLAWGYM_TURN=${turn}`,
        `CLAWGYM_SESSION=${session}`,
      ];
      return { argv: ['env', ...perTurn, ...argv] };
    }),
    files: turnFiles(task),
    mounts: options.mounts ?? [],
    env: {
      ...task.environment.env,
      ...options.env,
      ...(context.model !== undefined && { CLAWGYM_MODEL: context.model }),
      CLAWGYM_TURNS: String(task.instruction.turns.length),
      CLAWGYM_DEADLINE_SECONDS: String(context.deadlineSeconds),
    },
    memoryMiB: options.memoryMiB ?? DEFAULT_MEMORY_MIB,
  };
}
