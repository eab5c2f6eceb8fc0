import { artifactDigest } from '../../src/api/model-ref.ts';
import { asSha256, isSha256 } from '../../src/base/brand.ts';
import type { ClawGymServer } from '../../src/protocol/claw-gym-server.ts';
import type { LivingBody } from '../../src/protocol/operator-api.ts';
import type { Clock } from '../kube/base/clock.ts';
import type { Logger } from '../kube/base/logger.ts';
import type { Cache } from '../kube/cache/cache.ts';
import type { BenchRun } from './benchrun/kinds.ts';
import { cacheOf } from './shared/joined-cache.ts';
import type { ClawTask, RolloutBatch, SynthesisJob, TrainingRun } from './shared/kinds.ts';

export interface CensusOptions {
  readonly server: Pick<ClawGymServer, 'living'>;
  readonly batches: Cache<RolloutBatch>;
  readonly benches: Cache<BenchRun>;
  readonly tasks: Cache<ClawTask>;
  readonly synthesis: Cache<SynthesisJob>;
  readonly trainings: Cache<TrainingRun>;
  /** Undefined: all of the cluster. */
  readonly namespaces: readonly string[] | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

const EVERY_MS = 10 * 60_000;
const AGAIN_MS = 30_000;

/**
 * Tells the server every now and then what the objects of the cluster name, from whole lists alone: records
 * that nothing names any more end after the days of retention. Runs while this process leads.
 */
export class Census {
  readonly name = 'census';
  /** It waits, or has one call with a limit of its own under way. */
  readonly alive = true;
  readonly healthy = true;
  readonly #options: CensusOptions;

  constructor(options: CensusOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      const told = await this.tell(signal).catch((error: unknown) => {
        if (!signal.aborted) logger.warn({ error }, 'the server was not told what objects name');
        return false;
      });
      await clock.sleep(told ? EVERY_MS : AGAIN_MS, signal).catch(() => undefined);
    }
  }

  /**
   * False where some cache has no whole list at this moment, or not of all objects: nothing was told. A namespace that refuses
   * its list is told as unlisted: nothing is said of what is not there.
   */
  async tell(signal: AbortSignal): Promise<boolean> {
    const { server, batches, benches, tasks, synthesis, trainings, namespaces } = this.#options;
    const caches = [batches, benches, tasks, synthesis, trainings];
    if (caches.some(({ synced, listing }) => !synced || listing)) return false;
    // An object that this release cannot read is there all the same.
    const leftOut = caches.flatMap((cache) => cache.leftOut);
    if (leftOut.length > 0) {
      const first = leftOut.slice(0, 10).join(', ');
      const text = 'the server is not told what objects name, some do not fit their schema';
      this.#options.logger.warn({ objects: leftOut.length }, `${text}: ${first}`);
      return false;
    }
    const unlisted = (namespaces ?? []).filter((namespace) => this.#refuses(namespace));
    const listed = namespaces?.filter((namespace) => !unlisted.includes(namespace));
    if (listed?.length === 0) return false;
    const body = whatIsNamed({
      ...{ batches: batches.list(), benches: benches.list(), tasks: tasks.list() },
      ...{ synthesis: synthesis.list(), trainings: trainings.list() },
    });
    const scope = {
      ...(listed !== undefined && { namespaces: listed }),
      ...(unlisted.length > 0 && { unlisted }),
    };
    await server.living({ ...scope, ...body }, { signal });
    return true;
  }

  #refuses(namespace: string): boolean {
    const { batches, benches, tasks, synthesis, trainings } = this.#options;
    return [
      cacheOf(batches, namespace),
      cacheOf(benches, namespace),
      cacheOf(tasks, namespace),
      cacheOf(synthesis, namespace),
      cacheOf(trainings, namespace),
    ].some(({ refused }) => refused);
  }
}

interface Objects {
  readonly batches: readonly RolloutBatch[];
  readonly benches: readonly BenchRun[];
  readonly tasks: readonly ClawTask[];
  readonly synthesis: readonly SynthesisJob[];
  readonly trainings: readonly TrainingRun[];
}

/** Pure: batches and artifacts that specs and statuses name. */
export function whatIsNamed({
  batches,
  benches,
  tasks,
  synthesis,
  trainings,
}: Objects): Omit<LivingBody, 'namespaces'> {
  const digests = new Set<LivingBody['digests'][number]>();
  const add = (digest: string | undefined): void => {
    if (digest !== undefined && isSha256(digest)) digests.add(asSha256(digest));
  };
  for (const { spec, status } of [...batches, ...benches]) {
    for (const digest of [spec.tasks.digest, status?.taskSet, status?.results?.digest]) add(digest);
  }
  const models = [
    ...batches.map(({ spec }) => spec.model),
    ...benches.flatMap(({ spec }) => spec.arms.map(({ model }) => model)),
  ];
  for (const model of models) {
    if (model?.artifact !== undefined) add(artifactDigest(model.artifact));
  }
  for (const { spec } of tasks) add(spec.taskSetRef?.digest);
  for (const { spec, status } of synthesis) {
    for (const { digest } of spec.novelty.against ?? []) add(digest);
    add(status?.taskSet);
  }
  for (const { spec, status } of trainings) {
    for (const artifact of [spec.base.artifact, spec.data?.artifact]) {
      if (artifact !== undefined) add(artifactDigest(artifact));
    }
    add(status?.model?.digest);
  }
  const named = benches.flatMap(({ metadata: { namespace = '' }, status }) =>
    (status?.arms ?? []).flatMap(({ rolloutBatchName: name }) =>
      name === undefined ? [] : [{ namespace, name }],
    ),
  );
  return {
    ...{ batches: uidsOf(batches), named, synthesis: uidsOf(synthesis) },
    ...{ trainings: uidsOf(trainings), digests: [...digests] },
  };
}

const uidsOf = (objects: readonly (RolloutBatch | SynthesisJob | TrainingRun)[]): string[] =>
  objects.flatMap(({ metadata: { uid } }) => (uid === undefined ? [] : [uid]));
