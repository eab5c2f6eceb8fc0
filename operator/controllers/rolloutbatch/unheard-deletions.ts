import type { ClawGymServer } from '../../../src/protocol/claw-gym-server.ts';
import { BATCH_DELETED, type OpenBatch } from '../../../src/protocol/operator-api.ts';
import type { Clock } from '../../kube/base/clock.ts';
import { isForbidden } from '../../kube/base/kube-error.ts';
import type { Logger } from '../../kube/base/logger.ts';
import { pause } from '../../kube/base/waits.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import type { Controller } from '../../kube/controller/controller.ts';
import { rolloutBatches } from '../shared/kinds.ts';
import type { BatchWorld } from './batch-world.ts';

export interface UnheardDeletionsOptions {
  readonly client: KubeClient;
  readonly server: Pick<ClawGymServer, 'openBatches' | 'cancel'>;
  readonly batches: BatchWorld['batches'];
  /** Undefined: all of the cluster. */
  readonly namespaces: readonly string[] | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

const EVERY_MS = 600_000;
/** After a look at which something was not answered. */
const AGAIN_MS = 15_000;

/**
 * Batches that the server goes on with although their objects are gone: deleted while no operator ran, or
 * while their plan was on its way. Looked for when a process begins to lead and from time to time.
 */
export class UnheardDeletions implements Pick<Controller, 'name' | 'run' | 'alive' | 'healthy'> {
  readonly name = 'unheard-deletions';
  readonly alive = true;
  readonly healthy = true;
  readonly #options: UnheardDeletionsOptions;
  /** Those of which was said last that they refuse their list. */
  #refusing: ReadonlySet<string> = new Set();

  constructor(options: UnheardDeletionsOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { batches, clock } = this.#options;
    // Without a cache each batch would be asked for.
    await batches.whenSynced(signal).catch(() => undefined);
    while (!signal.aborted) {
      const whole = await this.look(signal);
      await pause(clock, whole ? EVERY_MS : AGAIN_MS, signal);
    }
  }

  /**
   * False where server or API server did not answer all that was asked. A namespace that refuses its list
   * is left for the next look, and told of once: asking sooner gives nothing else. One that is not served
   * (any more) is not asked: its batches are not this operator's to end. Rejects never.
   */
  async look(signal: AbortSignal): Promise<boolean> {
    const { batches, logger, namespaces, server } = this.#options;
    const served = namespaces && new Set(namespaces);
    let whole = true;
    const asked = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        if (!signal.aborted) logger.warn({ error }, 'deleted batches could not be looked for');
        whole = false;
        return undefined;
      }
    };
    const open = (await asked(() => server.openBatches({ signal }))) ?? [];
    const refused = new Set<string>();
    for (const batch of open) {
      if (signal.aborted) return false;
      if (refused.has(batch.namespace) || served?.has(batch.namespace) === false) continue;
      if (batches.get(batch)?.metadata.uid === batch.uid) continue;
      await asked(async () => {
        await this.#endGone(batch, signal).catch((error: unknown) => {
          if (!isForbidden(error)) throw error;
          refused.add(batch.namespace);
        });
      });
    }
    this.#tellRefusing(refused);
    return whole;
  }

  #tellRefusing(refused: ReadonlySet<string>): void {
    const fresh = [...refused].filter((namespace) => !this.#refusing.has(namespace));
    this.#refusing = refused;
    if (fresh.length === 0) return;
    this.#options.logger.warn(
      { namespaces: fresh },
      'deleted batches were not looked for where the operator may not list: give it its Role there back, ' +
        'or take the namespace out of `namespaces` of the chart',
    );
  }

  /**
   * By a live list of the one name: a cache may be behind, and where the kind itself is not served, as
   * while an API server starts, a list fails and shows no absence.
   */
  async #endGone({ uid, namespace, name }: OpenBatch, signal: AbortSignal): Promise<void> {
    const { client, logger, server } = this.#options;
    const selection = { namespace, fieldSelector: `metadata.name=${name}` };
    const { items } = await client.for(rolloutBatches).list(selection, { signal });
    if (items.some(({ metadata }) => metadata.uid === uid)) return;
    logger.info({ uid, namespace, name }, 'the server goes on with a batch that was deleted');
    await server.cancel(uid, BATCH_DELETED, { signal });
  }
}
