import type { ClawGymServer } from '../../../src/protocol/claw-gym-server.ts';
import type { BenchResultsAnswer } from '../../../src/protocol/operator-api.ts';
import type { Clock } from '../../kube/base/clock.ts';
import { keyOf, keyText, type ObjectKey } from '../../kube/objects/object-key.ts';
import type { BenchRun } from './kinds.ts';
import type { BenchPlan } from './plan.ts';

interface Asked {
  readonly uid: string | undefined;
  /** What the batches had decided. */
  readonly mark: string;
  readonly at: number;
  readonly answer: BenchResultsAnswer | undefined;
}

export interface Scores {
  /** The newest answer, which may be some seconds old while the bench runs. */
  readonly answer: BenchResultsAnswer | undefined;
  /** Why the server gave none this time. */
  readonly error?: unknown;
  /** Ask again after this time: there is more to hear than the answer says. */
  readonly waitMs?: number;
}

export interface ArmScoresOptions {
  readonly server: Pick<ClawGymServer, 'benchResults'>;
  readonly clock: Clock;
  /** Between two questions about a bench that runs. */
  readonly intervalMs: number;
}

/**
 * The scores of benches as the server has them: asked for when a batch has decided more, at most every
 * `intervalMs` while a bench runs, and always at its end. What is remembered only spares questions.
 */
export class ArmScores {
  readonly #options: ArmScoresOptions;
  readonly #asked = new Map<string, Asked>();

  constructor(options: ArmScoresOptions) {
    this.#options = options;
  }

  async of(bench: BenchRun, plan: BenchPlan, signal: AbortSignal): Promise<Scores> {
    const { clock, intervalMs } = this.#options;
    const mark = markOf(plan);
    if (mark === undefined) return { answer: undefined };
    const key = keyText(keyOf(bench));
    const { uid } = bench.metadata;
    const known = this.#asked.get(key);
    const last = known?.uid === uid ? known : undefined;
    const now = clock.monotonic();
    if (!plan.allOver) {
      if (last?.mark === mark) return { answer: last.answer };
      const waitMs = last === undefined ? 0 : last.at + intervalMs - now;
      if (waitMs > 0) return { answer: last?.answer, waitMs };
    }
    try {
      const answer = await this.#ask(bench, plan, signal);
      this.#asked.set(key, { uid, mark, at: now, answer });
      return { answer };
    } catch (error) {
      signal.throwIfAborted();
      // The end needs a new answer; until then the last one will do.
      this.#asked.set(key, { uid, mark: '', at: now, answer: last?.answer });
      return { answer: plan.allOver ? undefined : last?.answer, error, waitMs: intervalMs };
    }
  }

  /** The bench is gone or at its end. */
  forget(key: ObjectKey): void {
    this.#asked.delete(keyText(key));
  }

  async #ask(bench: BenchRun, { arms }: BenchPlan, signal: AbortSignal) {
    const { name, namespace = '', uid = '', creationTimestamp } = bench.metadata;
    const body = {
      namespace,
      name,
      spec: bench.spec,
      arms: arms.flatMap(({ arm, batch }) => {
        const batchUid = batch?.metadata.uid;
        return batchUid === undefined ? [] : [{ name: arm.name, batchUid }];
      }),
      createdAt: Date.parse(creationTimestamp ?? '') || 0,
    };
    return await this.#options.server.benchResults(uid, body, { signal });
  }
}

/** What there is to hear of: undefined before anything is planned. */
function markOf({ arms, allOver }: BenchPlan): string | undefined {
  const planned = arms.filter(({ batch }) => batch?.status?.taskSet !== undefined);
  if (planned.length === 0) return undefined;
  const decided = planned.map(
    ({ arm, batch }) =>
      `${arm.name}=${batch?.metadata.uid}:${batch?.status?.rollouts?.decided ?? 0}`,
  );
  return `${decided.join(' ')} ${allOver}`;
}
