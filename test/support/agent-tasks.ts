import type { Agent, AgentTaskContext, PreparedAgent } from '../../src/agents/agent.ts';
import type { AgentHost } from '../../src/agents/agent-host.ts';
import type { Sha256 } from '../../src/base/brand.ts';
import { sha256 } from '../../src/base/digest.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { type Task, type TaskInput, zTask } from '../../src/tasks/task.ts';
import { MemoryArtifacts } from './memory-artifacts.ts';

export const HOST: AgentHost = {
  nodePath: process.execPath,
  nodeVersion: '24.0.0',
  env: {},
};

export interface TaskSketch {
  readonly turns?: readonly (string | { readonly text: string; readonly newSession: boolean })[];
  readonly inputs?: Readonly<Record<string, string>>;
  readonly editable?: readonly string[];
  readonly solution?: {
    readonly files: Readonly<Record<string, string>>;
    readonly script?: string;
  };
}

/** A task in memory with its blobs. */
export class AgentTask {
  readonly blobs = new MemoryArtifacts();
  readonly task: Task;

  constructor({ turns = ['Write out/a.json.'], inputs = {}, editable = [], solution }: TaskSketch) {
    const file = (path: string, text: string) => ({
      path,
      digest: this.#put(text),
      size: Buffer.byteLength(text),
    });
    const input: TaskInput = {
      schema: 'clawgym.task/v1',
      id: 'sketch',
      instruction: {
        turns: turns.map((turn) => (typeof turn === 'string' ? { text: turn } : turn)),
      },
      workspace: {
        path: '/root/.openclaw/workspace',
        inputs: Object.entries(inputs).map(([path, text]) => ({
          ...file(path, text),
          mode: editable.includes(path) ? ('editable' as const) : ('protected' as const),
        })),
      },
      ...(solution && {
        solution: {
          files: Object.entries(solution.files).map(([path, text]) => file(path, text)),
          ...(solution.script !== undefined && { script: solution.script }),
        },
      }),
    };
    this.task = zTask.parse(input);
  }

  #put(text: string): Sha256 {
    const bytes = Buffer.from(text);
    const digest = sha256(bytes);
    this.blobs.contents.set(digest, bytes);
    return digest;
  }

  context(over: Partial<AgentTaskContext> = {}): AgentTaskContext {
    return { blobs: this.blobs, model: 'm', deadlineSeconds: 60, ...over };
  }
}

/** Prepares an agent that has nothing to install. */
export async function prepared(agent: Agent): Promise<PreparedAgent> {
  const signal = new AbortController().signal;
  return await agent.prepare({ cacheDir: '/nonexistent', logger: silentLogger, signal });
}
