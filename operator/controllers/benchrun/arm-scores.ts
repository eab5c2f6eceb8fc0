import type { ClawGymServer } from '../../../src/protocol/claw-gym-server.ts';
import type { BenchResultsAnswer } from '../../../src/protocol/operator-api.ts';
import type { Clock } from '../../kube/base/clock.ts';
import { keyOf, keyText, type ObjectKey } from '../../kube/objects/object-key.ts';
import type { BenchRun } from './kinds.ts';
import type { BenchPlan } from './plan.ts';

/** Before a server that should have the results by now is asked again. */
const AGAIN_MS = 1000;

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
    const planned = plannedArms(plan);
    if (planned.length === 0) return { answer: plan.allOver ? { arms: [] } : undefined };
    const mark = markOf(planned, plan.allOver);
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
      const answer = await this.#ask(bench, planned, signal);
      this.#asked.set(key, { uid, mark, at: now, answer });
      const early = plan.allOver && plan.failure === undefined && answer.results === undefined;
      return early ? { answer, waitMs: Math.max(intervalMs, AGAIN_MS) } : { answer };
    } catch (error) {
      signal.throwIfAborted();
      // The end needs a new answer; until then the last one will do.
      this.#asked.set(key, { uid, mark: '', at: now, answer: last?.answer });
      return {
        answer: plan.allOver ? undefined : last?.answer,
        error,
        waitMs: Math.max(intervalMs, AGAIN_MS),
      };
    }
  }

  /** The bench is gone or at its end. */
  forget(key: ObjectKey): void {
    this.#asked.delete(keyText(key));
  }

  async #ask(bench: BenchRun, planned: readonly PlannedArm[], signal: AbortSignal) {
    const { name, namespace = '', uid = '', creationTimestamp } = bench.metadata;
    const body = {
      namespace,
      name,
      spec: bench.spec,
      arms: planned.map((arm) => ({ name: arm.name, batchUid: arm.batchUid })),
      createdAt: Date.parse(creationTimestamp ?? '') || 0,
    };
    return await this.#options.server.benchResults(uid, body, { signal });
  }
}

interface PlannedArm {
  readonly name: string;
  readonly batchUid: string;
  readonly decided: number;
}

/** Arms that the server knows: it hears of a batch when that is planned. */
function plannedArms({ arms }: BenchPlan): readonly PlannedArm[] {
  return arms.flatMap(({ arm, batch }) => {
    const batchUid = batch?.metadata.uid;
    if (batchUid === undefined || batch?.status?.taskSet === undefined) return [];
    return [{ name: arm.name, batchUid, decided: batch.status.rollouts?.decided ?? 0 }];
  });
}

/** What there is to hear of. */
function markOf(planned: readonly PlannedArm[], allOver: boolean): string {
  const decided = planned.map((arm) => `${arm.name}=${arm.batchUid}:${arm.decided}`);
  return `${decided.join(' ')} ${allOver}`;
}
