import type { Clock } from '../../base/clock.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import type { BatchDirectory } from '../coordinator/batch-directory.ts';
import type { ProvenRun } from '../identity/prove-trainer.ts';
import { TrainerDesk } from './trainer-desk.ts';
import { TrainingDesk } from './training-desk.ts';
import { readTraining } from './training-row.ts';

export interface OpenTraining {
  readonly desk: TrainingDesk;
  readonly trainer: TrainerDesk;
  readonly runOf: (uid: string) => Promise<ProvenRun | undefined>;
}

/** The server's half of training. */
export function openTraining(parts: {
  readonly store: ClusterStore;
  readonly artifacts: ArtifactStore;
  readonly directory: Pick<BatchDirectory, 'find'>;
  readonly clock: Clock;
}): OpenTraining {
  const { store, artifacts, directory, clock } = parts;
  const desk = new TrainingDesk({ records: store, store, artifacts, directory, clock });
  return {
    desk,
    trainer: new TrainerDesk({ desk, artifacts, records: store, now: () => clock.now() }),
    runOf: async (uid) => {
      const row = await store.getTraining(uid);
      if (row === undefined) return undefined;
      return { uid, namespace: row.namespace, jobUid: readTraining(row).data.jobUid };
    },
  };
}
