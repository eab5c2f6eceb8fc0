import { beforeEach, expect, test } from 'vitest';
import { startScripted } from '../../../test/support/scripted-bed.ts';
import type { ScriptedCluster } from '../../../test/support/scripted-cluster.ts';
import { storedModel } from '../../../test/support/training/stored-model.ts';
import { fakeExport } from '../../../test/support/training-bed.ts';
import { asSha256, type Sha256 } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { silentLogger } from '../../base/logger.ts';
import type { LivingBody } from '../../protocol/operator-api.ts';
import { recordImport } from '../../training/model-records.ts';
import { openRetention } from '../process/open-retention.ts';
import { parseTrainingSpec } from '../training/freeze-training.ts';
import { dataText, frozenText, NEW_RUN, type RunData } from '../training/training-row.ts';

const DAYS = 30;
const DAY = 24 * 3_600_000;
const never = new AbortController().signal;

let cluster: ScriptedCluster;
/** Days that the clock of retention is ahead of the files'. */
let ahead: number;
beforeEach(async () => {
  cluster = await startScripted();
  ahead = 0;
});

const clock: Clock = {
  now: () => Date.now() + ahead * DAY,
  monotonic: () => performance.now() + ahead * DAY,
  sleep: async () => undefined,
};

function retention() {
  const { store, artifacts } = cluster;
  const observer = { swept: () => undefined };
  const parts = { store, artifacts, days: DAYS, observer, clock, logger: silentLogger };
  const forgotten: string[] = [];
  const training = { rl: { forget: (uid: string): void => void forgotten.push(uid) } };
  return { ...openRetention(parts, cluster.open, { training }), forgotten };
}

const living = (trainings: string[] | undefined, more: Partial<LivingBody> = {}): LivingBody => ({
  ...{ batches: [], named: [], digests: [] },
  ...(trainings !== undefined && { trainings }),
  ...more,
});

interface Trained {
  readonly base: Sha256;
  readonly data: Sha256;
  readonly end?: RunData['end'];
}

/** A run as it is stored; its pods put one more file that nothing else names. */
async function plan(uid: string, { base, data, end }: Trained): Promise<void> {
  const { store, artifacts } = cluster;
  const artifact = (digest: Sha256) => ({ artifact: `sha256:${digest}` });
  const asked = { base: artifact(base), data: artifact(data), hyper: { epochs: 1 } };
  const spec = parseTrainingSpec(uid, asked);
  const inputs = { base, data, template: sha256('template'), image: 'i', folders: [] };
  await store.planTraining({
    ...{ uid, namespace: 'team-a', name: uid, specDigest: sha256(uid), createdAt: 1 },
    spec: frozenText(spec, inputs),
    data: dataText({ ...NEW_RUN, ...(end !== undefined && { end }) }),
  });
  const { digest } = await artifacts.put(Buffer.from(`put by ${uid}`));
  await store.addTrainingUpload(uid, digest);
  await store.planRl({ run: uid, plan: JSON.stringify({ base }), createdAt: 1 });
  await store.freezeRlStep(uid, 1, '{}');
  await store.putRlPolicy(uid, { version: 1, model: base, files: [] });
}

/** `first` was trained from `base`, `second` from `first`, each on an export. */
async function circle() {
  const { artifacts } = cluster;
  const base = await storedModel('base', artifacts);
  const data = asSha256(await fakeExport(artifacts));
  const first = await storedModel('first', artifacts, { parents: [base.digest], data });
  const second = await storedModel('second', artifacts, { parents: [first.digest], data });
  const ended = (model: Sha256) => ({ state: 'complete', model }) as const;
  await plan('run-1', { base: base.digest, data, end: ended(first.digest) });
  await plan('run-2', { base: first.digest, data, end: ended(second.digest) });
  return { base, data, first, second };
}

const isThere = async (digest: Sha256) => (await cluster.artifacts.size(digest)) !== undefined;
const runs = async () => (await cluster.store.listTrainings()).map(({ uid }) => uid);

async function allThere(...models: readonly { digest: Sha256; files: readonly Sha256[] }[]) {
  const all = models.flatMap(({ digest, files }) => [digest, ...files]);
  return await Promise.all(all.map(isThere));
}

/** Told again and again until the days are over, and swept. */
async function daysLater(it: ReturnType<typeof retention>, body: LivingBody): Promise<void> {
  await it.living(body);
  ahead += DAYS + 1;
  await it.living(body);
  await it.pass(never);
}

test('rows of a run go once its object is gone for the days, with what nothing else names', async () => {
  const { base, data, first, second } = await circle();
  const it = retention();
  await it.living(living(['run-2']));
  ahead = DAYS - 1;
  await it.living(living(['run-2']));
  await it.pass(never);
  expect(await runs()).toEqual(['run-1', 'run-2']);
  ahead = DAYS + 1;
  await it.living(living(['run-2']));
  await it.pass(never);
  expect([await runs(), it.forgotten]).toEqual([['run-2'], ['run-1']]);
  expect(await cluster.store.getRl('run-1')).toBeUndefined();
  expect(await isThere(sha256('put by run-1'))).toBe(false);
  expect(await isThere(sha256('put by run-2'))).toBe(true);
  // What the model of run-2 comes from stays, though no row names it any more.
  expect(new Set(await allThere(base, first, second))).toEqual(new Set([true]));
  expect(await isThere(data)).toBe(true);
  await daysLater(it, living([]));
  expect(await runs()).toEqual([]);
  expect(new Set(await allThere(base, first, second))).toEqual(new Set([false]));
  expect(await isThere(data)).toBe(false);
});

test('a model that an object names keeps its files and its lineage, and the days after it', async () => {
  const { base, data, first, second } = await circle();
  const it = retention();
  const served = living([], { digests: [second.digest] });
  await daysLater(it, served);
  expect(await runs()).toEqual([]);
  expect(new Set(await allThere(base, first, second))).toEqual(new Set([true]));
  expect(await isThere(data)).toBe(true);
  // The object is gone from here on.
  await it.living(living([]));
  ahead += DAYS - 1;
  await it.living(living([]));
  await it.pass(never);
  expect(new Set(await allThere(base, first, second))).toEqual(new Set([true]));
  ahead += 2;
  await it.living(living([]));
  await it.pass(never);
  expect(new Set(await allThere(base, first, second))).toEqual(new Set([false]));
  expect(await isThere(data)).toBe(false);
});

test('a model that was brought stays with all that it comes from', async () => {
  const { base, first, second } = await circle();
  const { store } = cluster;
  const { digest, files } = first;
  await recordImport(store, { digest, source: '/models/first', now: 1, files });
  await daysLater(retention(), living([]));
  expect(await runs()).toEqual([]);
  expect(new Set(await allThere(base, first))).toEqual(new Set([true]));
  expect(new Set(await allThere(second))).toEqual(new Set([false]));
});

test.each<[string, LivingBody]>([
  ['while its object is there', living(['run'])],
  ['of a namespace that is not served', living([], { namespaces: ['elsewhere'] })],
  ['where an older operator says nothing of them', living(undefined)],
])('rows of a run stay %s', async (_case, body) => {
  const { base, data } = await circle();
  const end = { state: 'failed', reason: 'R', message: '' } as const;
  await plan('run', { base: base.digest, data, end });
  const it = retention();
  await daysLater(it, body);
  await daysLater(it, body);
  expect(await runs()).toContain('run');
});

test('rows of a run that has not ended stay until the operator has ended it', async () => {
  const { base, data } = await circle();
  await plan('run', { base: base.digest, data });
  const it = retention();
  await daysLater(it, living([]));
  expect(await runs()).toEqual(['run']);
  expect(new Set(await allThere(base))).toEqual(new Set([true]));
  const end = { state: 'failed', reason: 'Deleted', message: '' } as const;
  await cluster.store.saveTraining('run', dataText({ ...NEW_RUN, end }));
  await it.living(living([]));
  await it.pass(never);
  expect(await runs()).toEqual([]);
});
