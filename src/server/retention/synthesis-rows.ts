import type { Clock } from '../../base/clock.ts';
import type { LivingBody } from '../../protocol/operator-api.ts';
import type { SynthesisRuns } from '../../store/synthesis-runs.ts';
import type { AbsentRows } from './retention.ts';

export interface SynthesisRowsOptions {
  readonly runs: Pick<
    SynthesisRuns,
    'listSynthesisRuns' | 'changeSynthesisRun' | 'removeSynthesisRows'
  >;
  /** From here on nobody decides anything about the job. */
  readonly forget: (job: string) => void;
  readonly days: number;
  readonly clock: Clock;
}

const DAY_MS = 24 * 3_600_000;
const COMMIT_ROWS = 500;

/**
 * Rows of SynthesisJobs whose objects are gone for long: records, calls, gate runs and the job itself, by
 * the rule of batches: the days count from the first list that lacked it, and a list after them must too.
 */
export class SynthesisRows implements AbsentRows {
  readonly #options: SynthesisRowsOptions;
  #lacking: { readonly at: number; readonly jobs: ReadonlySet<string> } | undefined;

  constructor(options: SynthesisRowsOptions) {
    this.#options = options;
  }

  /** Notes which jobs are named, and which are not from now on. An operator that tells of none ends none. */
  async seen({ synthesis, namespaces }: LivingBody): Promise<void> {
    if (synthesis === undefined) return;
    const { runs, clock } = this.#options;
    const uids = new Set(synthesis);
    const served = namespaces && new Set(namespaces);
    const lacking = new Set<string>();
    const now = clock.now();
    for (const { job, namespace, absentSince } of await runs.listSynthesisRuns()) {
      if (served?.has(namespace) === false) continue;
      const named = uids.has(job);
      if (!named) lacking.add(job);
      if (named !== (absentSince === undefined))
        await runs.changeSynthesisRun(job, { absentSince: named ? null : now });
    }
    this.#lacking = { at: now, jobs: lacking };
  }

  async remove(most: number, signal: AbortSignal): Promise<number> {
    const { runs, forget, days } = this.#options;
    const { at, jobs } = this.#lacking ?? { at: 0, jobs: new Set<string>() };
    let rows = 0;
    for (const { job, absentSince } of await runs.listSynthesisRuns()) {
      if (absentSince === undefined || !jobs.has(job) || at < absentSince + days * DAY_MS) continue;
      forget(job);
      for (let gone = false; !gone && rows < most; ) {
        signal.throwIfAborted();
        const some = await runs.removeSynthesisRows(job, COMMIT_ROWS);
        gone = some.gone;
        rows += some.removed;
      }
    }
    return rows;
  }
}
