import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { LivingBody } from '../../protocol/operator-api.ts';
import type { ArtifactStore, ArtifactSweep } from '../../store/artifacts.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import type { OpenCoordinator } from '../coordinator/open-coordinator.ts';
import { ArtifactSweeper } from '../retention/artifact-sweeper.ts';
import { NamedArtifacts } from '../retention/named-artifacts.ts';
import { NamedObjects } from '../retention/named-objects.ts';
import { Retention, type RetentionObserver } from '../retention/retention.ts';
import { SynthesisRows } from '../retention/synthesis-rows.ts';

export interface OpenRetention {
  readonly living: (body: LivingBody) => Promise<void>;
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly pass: Retention['pass'];
}

/** The parts of retention over the server's store, artifacts and memory. */
export function openRetention(
  parts: {
    readonly store: ClusterStore;
    readonly artifacts: ArtifactSweep & Pick<ArtifactStore, 'size'>;
    readonly days: number;
    readonly observer: RetentionObserver;
    readonly clock: Clock;
    readonly logger: Logger;
  },
  { directory, shelf }: Pick<OpenCoordinator, 'directory' | 'shelf'>,
  forgetSynthesis: (job: string) => void = () => undefined,
): OpenRetention {
  const { store, artifacts, clock, days } = parts;
  const named = new NamedArtifacts({ store, artifacts, days });
  const objects = new NamedObjects({ store, artifacts: named, clock });
  const runs = store.synthesisRuns;
  const synthesis = new SynthesisRows({ runs, forget: forgetSynthesis, days, clock });
  const retention = new Retention({
    ...parts,
    others: [synthesis],
    objects,
    sweeper: new ArtifactSweeper({ store, artifacts, clock }),
    forget: async (batch) => directory.forget(batch),
    tidy: () => shelf.tidy(),
  });
  return {
    living: async (body) => {
      await synthesis.seen(body);
      await objects.seen(body);
    },
    run: (signal) => retention.run(signal),
    pass: (signal) => retention.pass(signal),
  };
}
