import type { Clock } from '../../base/clock.ts';
import type { TrainingRecords } from '../../store/training-records.ts';
import { readTraining } from '../training/training-row.ts';
import { AbsentObjects } from './absent-objects.ts';

export interface TrainingRowsOptions {
  readonly runs: Pick<
    TrainingRecords,
    'listTrainings' | 'trainingAbsences' | 'setTrainingAbsence' | 'removeTraining'
  >;
  /** From here on nobody decides anything about the run. */
  readonly forget: (uid: string) => void;
  readonly days: number;
  readonly clock: Clock;
}

/** Rows of TrainingRuns whose objects are gone: the run, what its pods put, its steps and policies. */
export function trainingRows({ runs, ...rest }: TrainingRowsOptions): AbsentObjects {
  return new AbsentObjects({
    ...rest,
    told: ({ trainings }) => trainings,
    list: async () => {
      const absences = await runs.trainingAbsences();
      return (await runs.listTrainings()).map((row) => ({
        ...{ uid: row.uid, namespace: row.namespace, absentSince: absences.get(row.uid) },
        // The operator ends on the server what it finds deleted.
        open: readTraining(row).data.end === undefined,
      }));
    },
    setAbsence: (uid, since) => runs.setTrainingAbsence(uid, since),
    removeRows: (uid, most) => runs.removeTraining(uid, most),
  });
}
