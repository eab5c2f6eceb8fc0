import type { Clock } from '../../base/clock.ts';
import type { SynthesisRuns } from '../../store/synthesis-runs.ts';
import { AbsentObjects } from './absent-objects.ts';

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

/** Rows of SynthesisJobs whose objects are gone: records, calls, gate runs and the job itself. */
export function synthesisRows({ runs, ...rest }: SynthesisRowsOptions): AbsentObjects {
  return new AbsentObjects({
    ...rest,
    told: ({ synthesis }) => synthesis,
    list: async () =>
      (await runs.listSynthesisRuns()).map(({ job, ...run }) => ({ ...run, uid: job })),
    setAbsence: (uid, since) => runs.changeSynthesisRun(uid, { absentSince: since ?? null }),
    removeRows: (uid, most) => runs.removeSynthesisRows(uid, most),
  });
}
