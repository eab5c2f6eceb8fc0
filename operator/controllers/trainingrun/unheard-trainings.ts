import { type OpenTraining, TRAINING_DELETED } from '../../../src/protocol/training-api.ts';
import type { TrainingServer } from '../../../src/protocol/training-server.ts';
import type { Clock } from '../../kube/base/clock.ts';
import { isForbidden } from '../../kube/base/kube-error.ts';
import type { Logger } from '../../kube/base/logger.ts';
import { pause } from '../../kube/base/waits.ts';
import type { Cache } from '../../kube/cache/cache.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import type { Controller } from '../../kube/controller/controller.ts';
import { type TrainingRun, trainingRuns } from '../shared/kinds.ts';

export interface UnheardTrainingsOptions {
  readonly client: KubeClient;
  readonly server: Pick<TrainingServer, 'openTrainings' | 'cancelTraining'>;
  readonly runs: Cache<TrainingRun>;
  /** Undefined: all of the cluster. */
  readonly namespaces: readonly string[] | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

const EVERY_MS = 60_000;
const WORDS = { reason: TRAINING_DELETED, message: 'its TrainingRun was deleted' };

/**
 * Ends on the server what was deleted in the cluster, whoever was running then. Runs that end late cost
 * nothing but room: their pods go with their object, at once.
 */
export class UnheardTrainings implements Pick<Controller, 'name' | 'run' | 'alive' | 'healthy'> {
  readonly name = 'unheard-trainings';
  readonly alive = true;
  readonly healthy = true;
  readonly #options: UnheardTrainingsOptions;

  constructor(options: UnheardTrainingsOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, runs } = this.#options;
    await runs.whenSynced(signal).catch(() => undefined);
    let wake = new AbortController();
    using stack = new DisposableStack();
    stack.defer(
      runs.subscribe(({ type }) => {
        if (type === 'deleted') wake.abort();
      }),
    );
    while (!signal.aborted) {
      wake = new AbortController();
      await this.look(signal).catch((error: unknown) => {
        if (!signal.aborted) logger.warn({ error }, 'deleted runs could not be looked for');
      });
      await pause(clock, EVERY_MS, AbortSignal.any([signal, wake.signal]));
    }
  }

  async look(signal: AbortSignal): Promise<void> {
    const { namespaces, runs, server } = this.#options;
    const served = namespaces && new Set(namespaces);
    for (const open of await server.openTrainings({ signal })) {
      if (served?.has(open.namespace) === false) continue;
      if (runs.get(open)?.metadata.uid === open.uid) continue;
      if (!(await this.#isGone(open, signal))) continue;
      await server.cancelTraining(open.uid, WORDS, { signal });
    }
  }

  /** By a live list of the one name: a cache may be behind. Where nothing may be listed, nothing is known. */
  async #isGone({ uid, namespace, name }: OpenTraining, signal: AbortSignal): Promise<boolean> {
    const selection = { namespace, fieldSelector: `metadata.name=${name}` };
    try {
      const { items } = await this.#options.client.for(trainingRuns).list(selection, { signal });
      return items.every(({ metadata }) => metadata.uid !== uid);
    } catch (thrown) {
      if (isForbidden(thrown)) return false;
      throw thrown;
    }
  }
}
