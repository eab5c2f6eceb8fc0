import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import type { BatchId } from '../../src/base/brand.ts';
import { asBatchId } from '../../src/base/brand.ts';
import { cliEnvironment } from '../../src/cli/environment.ts';
import { openRecordSource } from '../../src/cli/record-source.ts';
import { LABELS } from '../../src/protocol/pod-contract.ts';
import type { AttemptRow, RolloutRow } from '../../src/store/records.ts';
import { waitUntil } from '../../test/cluster/wait-until.ts';
import type { PiBed } from './pi-bed.ts';

const POLL_MS = 500;

const zCount = z.number().default(0);
const zBatch = z.looseObject({
  metadata: z.looseObject({ uid: z.string() }),
  status: z
    .looseObject({
      rollouts: z.looseObject({ planned: zCount, decided: zCount }).prefault({}),
      attempts: zCount,
      infraFailures: zCount,
      disruptions: zCount,
      outcomes: z.array(z.looseObject({ outcome: z.string(), count: z.number() })).default([]),
      conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).default([]),
    })
    .prefault({}),
});
export type BatchObject = z.infer<typeof zBatch>;

const zNames = z.looseObject({
  items: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })),
});

/** What the server keeps of a batch, and what the object says. */
export interface BatchView {
  readonly object: BatchObject;
  readonly rollouts: readonly {
    readonly row: RolloutRow;
    readonly attempts: readonly AttemptRow[];
  }[];
}

/** One batch of a bed, read over a connection that outlives restarts of the API server. */
export class WatchedBatch {
  readonly #bed: PiBed;
  readonly #name: string;

  constructor(bed: PiBed, name: string) {
    this.#bed = bed;
    this.#name = name;
  }

  async object(): Promise<BatchObject> {
    const { layer, installation } = this.#bed;
    const path = `/apis/clawgym.io/v1alpha1/namespaces/${installation.namespace}/rolloutbatches`;
    return zBatch.parse(await layer.api.get(`${path}/${this.#name}`));
  }

  /** Resolves once so many rollouts are decided, or the batch is over. */
  async decided(count: number, seconds: number): Promise<void> {
    await waitUntil(
      async () => {
        await setTimeout(POLL_MS);
        const { status } = await this.object();
        return isOver(status) || status.rollouts.decided >= count;
      },
      { what: `${count} rollouts of ${this.#name} are decided`, seconds },
    );
  }

  async finished(seconds: number): Promise<void> {
    await waitUntil(
      async () => {
        await setTimeout(POLL_MS);
        return isOver((await this.object()).status);
      },
      { what: `${this.#name} is Complete or Failed`, seconds },
    );
  }

  async view(): Promise<BatchView> {
    const { installation } = this.#bed;
    const { namespace, cluster } = installation;
    const flags = { namespace, kubeconfig: cluster.kubeconfigPath };
    const { signal } = new AbortController();
    const object = await this.object();
    await using records = await openRecordSource(flags, cliEnvironment(), signal);
    const id: BatchId = asBatchId(object.metadata.uid);
    const rollouts = [];
    for (const row of await records.store.listRollouts(id)) {
      rollouts.push({ row, attempts: await records.store.listAttempts(row.id) });
    }
    return { object, rollouts };
  }
}

/** Names of Jobs and sandbox pods that are there. */
export async function sandboxObjects({ layer, installation }: PiBed): Promise<readonly string[]> {
  const { namespace } = installation;
  const names = async (path: string): Promise<readonly string[]> =>
    zNames.parse(await layer.api.get(path)).items.map(({ metadata }) => metadata.name);
  const selector = encodeURIComponent(LABELS.batch);
  return [
    ...(await names(`/apis/batch/v1/namespaces/${namespace}/jobs`)),
    ...(await names(`/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`)),
  ];
}

/** What of the namespace outlives batches. */
export async function lastingObjects({ installation }: PiBed): Promise<string> {
  const kinds = 'networkpolicies,serviceaccounts,configmaps,secrets,persistentvolumeclaims';
  return await installation.kubectl(['get', kinds, '--output', 'name']);
}

/**
 * Rollouts that were not decided as those of the same task in a run with one sample of each, a line each.
 * Only where every sample of a task goes alike, as with a recorded model.
 */
export function decidedOtherwise(one: BatchView, other: BatchView): readonly string[] {
  const expected = new Map(one.rollouts.map(({ row }) => [row.taskId, decisionText(row)]));
  return other.rollouts.flatMap(({ row }) => {
    const [want, have] = [expected.get(row.taskId), decisionText(row)];
    return want === have ? [] : [`${row.id}: ${want} undisturbed, here ${have}`];
  });
}

function decisionText({ decision }: RolloutRow): string {
  const { outcome, reason, score, checks, findings } = decision ?? {};
  return JSON.stringify({ outcome, reason, score, checks, findings });
}

/** What is counted twice or lost, a line each; empty where all is right. */
export function miscounts({ object: { status }, rollouts }: BatchView): readonly string[] {
  const found: string[] = [];
  const all = rollouts.flatMap(({ attempts }) => attempts);
  for (const { row, attempts } of rollouts) {
    const last = attempts.at(-1);
    const numbers = attempts.map(({ number }, index) => number === index + 1);
    if (numbers.includes(false)) found.push(`${row.id}: attempts are not numbered from 1`);
    if (row.decision === undefined) found.push(`${row.id} is not decided`);
    else if (row.decision.attempt !== last?.id) found.push(`${row.id}: not decided by its last`);
    for (const { id, close } of attempts.slice(0, -1)) {
      const lost = close?.class === 'disruption' || close?.class === 'cancelled';
      if (!lost) found.push(`${id} is ${close?.class} ${close?.reason} and was run again`);
    }
  }
  const pods = new Set(all.map(({ engine }) => engine));
  if (pods.size !== all.length) found.push(`${all.length} attempts in ${pods.size} pods`);
  const closed = (kind: string): number => all.filter(({ close }) => close?.class === kind).length;
  const counts: readonly (readonly [string, number, number])[] = [
    ['attempts', status.attempts, all.length],
    ['disruptions', status.disruptions, closed('disruption')],
    ['infraFailures', status.infraFailures, closed('infra_error')],
    ['decided', status.rollouts.decided, rollouts.length],
    ['outcomes', status.outcomes.reduce((sum, { count }) => sum + count, 0), rollouts.length],
  ];
  for (const [what, said, counted] of counts)
    if (said !== counted) found.push(`status says ${said} ${what}, the records ${counted}`);
  return found;
}

function isOver({ conditions }: BatchObject['status']): boolean {
  return conditions.some(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}
