import type { Sha256 } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import type { OpenCoordinator } from '../coordinator/open-coordinator.ts';
import type { ProvenRun } from '../identity/prove-trainer.ts';
import type { ResolveTasks } from './rl/frozen-tasks.ts';
import { RlDesk } from './rl/rl-desk.ts';
import { TrainerDesk } from './trainer-desk.ts';
import { TrainingDesk } from './training-desk.ts';
import { readTraining } from './training-row.ts';

export interface OpenTraining {
  readonly desk: TrainingDesk;
  readonly trainer: TrainerDesk;
  readonly rl: RlDesk;
  readonly runOf: (uid: string) => Promise<ProvenRun | undefined>;
}

/** The server's half of training. */
export function openTraining(parts: {
  readonly store: ClusterStore;
  readonly artifacts: ArtifactStore;
  readonly decisions: Pick<OpenCoordinator, 'directory'> & { readonly resolve: ResolveTasks };
  readonly clock: Clock;
}): OpenTraining {
  const { store, artifacts, decisions, clock } = parts;
  const { directory, resolve } = decisions;
  const isOwn = async (uid: string, digest: Sha256) =>
    (await store.trainingUploads(uid)).has(digest);
  const rl = new RlDesk({ store, artifacts, resolve, isOwn, clock });
  const desk = new TrainingDesk({ records: store, store, artifacts, directory, clock });
  return {
    desk,
    rl,
    trainer: new TrainerDesk({
      ...{ desk, artifacts, records: store, now: () => clock.now() },
      drawn: (uid) => rl.drawn(uid),
    }),
    runOf: async (uid) => {
      const row = await store.getTraining(uid);
      if (row === undefined) return undefined;
      return { uid, namespace: row.namespace, jobUid: readTraining(row).data.jobUid };
    },
  };
}
