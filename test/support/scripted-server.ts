import { asSha256 } from '../../src/base/brand.ts';
import { canonicalJson } from '../../src/base/canonical-json.ts';
import { sha256 } from '../../src/base/digest.ts';
import { ClawError } from '../../src/base/error.ts';
import type { ClawGymServer } from '../../src/protocol/claw-gym-server.ts';
import type {
  RolloutLines,
  TaskSetAnswer,
  TaskSourceBody,
} from '../../src/protocol/operator-api.ts';

type Asked = Pick<ClawGymServer, 'benchResults' | 'taskSet' | 'rollouts'>;

/** The server of a test: answers as it is told, or fails. */
export class ScriptedServer implements Asked {
  /** Calls in order: `benchResults nop,lazy`. */
  readonly calls: string[] = [];
  /** Batches all of whose rollouts are decided, by uid. */
  readonly decided = new Set<string>();
  /** Rows by uid of the batch. */
  readonly rows = new Map<string, RolloutLines>();
  /** Changes of what the static gate says of every task. */
  facts: Partial<TaskSetAnswer['tasks'][number]> = {};
  /** Thrown by every call while it is there. */
  failure: ClawError | undefined;

  benchResults: Asked['benchResults'] = async (_uid, { arms }) => {
    this.#called(`benchResults ${arms.map(({ name }) => name).join(',')}`);
    const over = arms.every(({ batchUid }) => this.decided.has(batchUid));
    return {
      ...(over ? { results: sha256(arms.map(({ name }) => name).join(' ')) } : {}),
      arms: arms.map(({ name, batchUid }) => {
        const done = this.decided.has(batchUid);
        const scores = { score: '0.2500', scoreLow: '0.1000', scoreHigh: '0.4000' };
        return {
          ...{ name, planned: 6, decided: done ? 6 : 0, tokens: 10, seconds: 5 },
          ...(done ? { ...scores, coverage: '1.0000', missingRate: '0.0000' } : {}),
          outcomes: done ? { scored: 6 } : {},
        };
      }),
    };
  };

  taskSet: Asked['taskSet'] = async (source) => {
    this.#called(`taskSet ${source.kind}`);
    return soundTaskSet(source, this.facts);
  };

  rollouts: Asked['rollouts'] = async (uid) => {
    this.#called('rollouts');
    return this.rows.get(uid) ?? [];
  };

  #called(call: string): void {
    if (this.failure !== undefined) throw this.failure;
    this.calls.push(call);
  }
}

/** The tasks of a source, each with all that gates need, but for what `facts` say. */
export function soundTaskSet(
  source: TaskSourceBody,
  facts: Partial<TaskSetAnswer['tasks'][number]> = {},
): TaskSetAnswer {
  const tasks = source.kind === 'tasks' ? source.tasks : [];
  return {
    digest: sha256(`set ${canonicalJson(tasks)}`),
    tasks: tasks.map(({ name, task }) => ({
      ...{ id: name, digest: sha256(canonicalJson(task)), agentCode: 'none' as const },
      ...{ hasSolution: true, hasVerifier: true, problems: [] },
      ...facts,
    })),
  };
}

export const serverAway = (): ClawError =>
  new ClawError('ServerUnavailable', 'the server gave no answer in time', { retryable: true });

/** Rows of `samples` runs that all earned `score`. */
export function rowsOf(taskId: string, samples: number, score: number): RolloutLines {
  return Array.from({ length: samples }, (_, sample) => ({
    ...{ taskId, sample, outcome: 'scored', reason: '', findings: [] },
    ...{ flat: score, native: score, final: score, allZero: score === 0 },
    checks: asSha256('ab'.repeat(32)),
  }));
}
