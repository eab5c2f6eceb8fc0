import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { LivingBody } from '../../protocol/operator-api.ts';
import type { ArtifactStore, ArtifactSweep } from '../../store/artifacts.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import type { OpenCoordinator } from '../coordinator/open-coordinator.ts';
import { ArtifactSweeper } from '../retention/artifact-sweeper.ts';
import { ModelLineage } from '../retention/model-lineage.ts';
import { NamedArtifacts } from '../retention/named-artifacts.ts';
import { NamedObjects } from '../retention/named-objects.ts';
import { Retention, type RetentionObserver } from '../retention/retention.ts';
import { synthesisRows } from '../retention/synthesis-rows.ts';
import { trainingRows } from '../retention/training-rows.ts';
import type { SynthesisDesk } from '../synthesis/synthesis-desk.ts';
import type { RlDesk } from '../training/rl/rl-desk.ts';

export interface OpenRetention {
  readonly living: (body: LivingBody) => Promise<void>;
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly pass: Retention['pass'];
}

/** The parts of retention over the server's store, artifacts and memory. */
export function openRetention(
  parts: {
    readonly store: ClusterStore;
    readonly artifacts: ArtifactSweep & Pick<ArtifactStore, 'size' | 'read'>;
    readonly days: number;
    readonly observer: RetentionObserver;
    readonly clock: Clock;
    readonly logger: Logger;
  },
  { directory, shelf }: Pick<OpenCoordinator, 'directory' | 'shelf'>,
  memory: {
    readonly synthesis?: { readonly desk: Pick<SynthesisDesk, 'forget'> };
    readonly training?: { readonly rl: Pick<RlDesk, 'forget'> };
  } = {},
): OpenRetention {
  const { store, artifacts, clock, days } = parts;
  const named = new NamedArtifacts({ store, artifacts, days });
  const objects = new NamedObjects({ store, artifacts: named, clock });
  const synthesis = synthesisRows({
    ...{ runs: store.synthesisRuns, days, clock },
    forget: (job) => memory.synthesis?.desk.forget(job),
  });
  const training = trainingRows({
    ...{ runs: store, days, clock },
    forget: (uid) => memory.training?.rl.forget(uid),
  });
  const retention = new Retention({
    ...parts,
    others: [synthesis, training],
    objects,
    sweeper: new ArtifactSweeper({ store, artifacts, lineage: new ModelLineage(artifacts), clock }),
    forget: async (batch) => directory.forget(batch),
    tidy: () => shelf.tidy(),
  });
  return {
    living: async (body) => {
      await synthesis.seen(body);
      await training.seen(body);
      await objects.seen(body);
    },
    run: (signal) => retention.run(signal),
    pass: (signal) => retention.pass(signal),
  };
}
