import { beforeEach, describe, expect, it } from 'vitest';
import { aPlanBody, aTask, aVerdict, endedWell } from '../../../test/support/cluster-batches.ts';
import { startScripted } from '../../../test/support/scripted-bed.ts';
import {
  type ClusterScript,
  NAMESPACE,
  type ScriptedCluster,
} from '../../../test/support/scripted-cluster.ts';
import { asBatchId } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { silentLogger } from '../../base/logger.ts';
import type { LivingBody } from '../../protocol/operator-api.ts';
import { openRetention } from '../process/open-retention.ts';
import type { RetentionPass } from './retention.ts';

const OLD = 'e0a1b2c3-0000-4000-8000-00000000000a';
const NEW = 'e0a1b2c3-0000-4000-8000-00000000000b';
const DAYS = 30;
const DAY = 24 * 3_600_000;
const never = new AbortController().signal;

const well: ClusterScript = {
  agent: async (grant, cluster) => {
    const report = await endedWell(cluster);
    const { digest } = await cluster.artifacts.put(Buffer.from(`output of ${grant.attempt}`));
    return { report: { ...report, stdout: digest } };
  },
  grade: async ({ nonce }) => aVerdict(nonce, { there: 0.5 }),
};

let cluster: ScriptedCluster;
/** Days that the clock of retention is ahead of the files'. */
let ahead: number;
/** Days that its wall clock alone has jumped. */
let jumped: number;
beforeEach(async () => {
  cluster = await startScripted();
  ahead = 0;
  jumped = 0;
});

const clock: Clock = {
  now: () => Date.now() + (ahead + jumped) * DAY,
  monotonic: () => performance.now() + ahead * DAY,
  sleep: async () => undefined,
};

function retention() {
  const passes: RetentionPass[] = [];
  const observer = { swept: (pass: RetentionPass) => void passes.push(pass) };
  const { store, artifacts } = cluster;
  const parts = { store, artifacts, days: DAYS, observer, clock, logger: silentLogger };
  return { ...openRetention(parts, cluster.open), passes };
}

const living = (over: Partial<LivingBody> = {}): LivingBody => ({
  batches: [],
  named: [],
  digests: [],
  ...over,
});

async function finished(uid: string, name: string): Promise<void> {
  await cluster.plan(uid, aPlanBody({ name, tasks: [aTask(name)] }));
  await cluster.drive(uid, well);
  await cluster.open.coordinator.finish(uid);
}

const isKnown = async (uid: string): Promise<boolean> =>
  (await cluster.store.getBatch(asBatchId(uid))) !== undefined;

const outputOf = (uid: string, name: string) => sha256(`output of ${uid}/${name}/0#1`);

describe('records of a batch whose object is gone', () => {
  it('stay for the days of retention, and go with what nothing else names', async () => {
    await finished(OLD, 'old');
    await finished(NEW, 'new');
    const it = retention();
    await it.living(living({ batches: [NEW] }));
    ahead = DAYS - 1;
    await it.living(living({ batches: [NEW] }));
    await it.pass(never);
    expect(await isKnown(OLD)).toBe(true);
    ahead = DAYS + 1;
    await it.living(living({ batches: [NEW] }));
    expect(await it.pass(never)).toMatchObject({ batches: 1 });
    expect([await isKnown(OLD), await isKnown(NEW)]).toEqual([false, true]);
    expect(await cluster.artifacts.size(outputOf(OLD, 'old'))).toBeUndefined();
    expect(await cluster.artifacts.size(outputOf(NEW, 'new'))).toBeDefined();
    expect(await cluster.open.coordinator.rollouts(NEW)).toHaveLength(1);
    await expect(cluster.open.coordinator.state(OLD)).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('stay while a rollout is undecided, however long no list has named it', async () => {
    await cluster.plan(OLD, aPlanBody({ name: 'old', tasks: [aTask('old')] }));
    await finished(NEW, 'new');
    const it = retention();
    await it.living(living());
    ahead = DAYS + 1;
    await it.living(living());
    expect(await it.pass(never)).toMatchObject({ batches: 1 });
    expect([await isKnown(OLD), await isKnown(NEW)]).toEqual([true, false]);
    expect(await cluster.open.coordinator.state(OLD)).toMatchObject({ planned: 1, decided: 0 });
  });

  it('stay where the wall clock jumps, until a list after the days lacks it too', async () => {
    await finished(OLD, 'old');
    const it = retention();
    await it.living(living());
    jumped = DAYS + 1;
    expect(await it.pass(never)).toBeUndefined();
    await it.living(living({ namespaces: ['elsewhere'] }));
    expect(await it.pass(never)).toBeUndefined();
    expect(await isKnown(OLD)).toBe(true);
    await it.living(living());
    expect(await it.pass(never)).toMatchObject({ batches: 1 });
    expect(await isKnown(OLD)).toBe(false);
  });

  it('stay while another object names it, and while its namespace is not served', async () => {
    await finished(OLD, 'old');
    const it = retention();
    for (const body of [
      living({ named: [{ namespace: NAMESPACE, name: 'old' }] }),
      living({ namespaces: ['elsewhere'] }),
    ]) {
      await it.living(body);
      ahead += DAYS + 1;
      await it.living(body);
      await it.pass(never);
    }
    expect(await isKnown(OLD)).toBe(true);
  });

  it('go without their artifacts while another namespace cannot be listed', async () => {
    await finished(OLD, 'old');
    const it = retention();
    const body = living({ namespaces: [NAMESPACE], unlisted: ['elsewhere'] });
    await it.living(body);
    ahead = DAYS + 1;
    await it.living(body);
    expect(await it.pass(never)).toMatchObject({ batches: 1, artifacts: 0 });
    expect(await cluster.artifacts.size(outputOf(OLD, 'old'))).toBeDefined();
    await it.living(living({ namespaces: [NAMESPACE] }));
    await it.pass(never);
    expect(await cluster.artifacts.size(outputOf(OLD, 'old'))).toBeUndefined();
  });

  it('begin anew where an object named it in between', async () => {
    await finished(OLD, 'old');
    const it = retention();
    await it.living(living());
    ahead = DAYS - 1;
    await it.living(living({ batches: [OLD] }));
    ahead = DAYS + 2;
    await it.living(living());
    await it.pass(never);
    expect(await isKnown(OLD)).toBe(true);
  });

  it('count from the first list that lacks it, over restarts, and never without an operator', async () => {
    await finished(OLD, 'old');
    await retention().living(living());
    await cluster.restart();
    ahead = DAYS + 1;
    const it = retention();
    expect(await it.pass(never)).toBeUndefined();
    await it.living(living());
    ahead += 1;
    // A day later, nobody has told anything since.
    expect(await it.pass(never)).toBeUndefined();
    await it.living(living());
    expect(await it.pass(never)).toMatchObject({ batches: 1 });
    expect(await isKnown(OLD)).toBe(false);
  });
});

describe('artifacts', () => {
  it('that only an object names stay, those that nothing named for a day go', async () => {
    await finished(OLD, 'old');
    const pinned = await cluster.artifacts.put(Buffer.from('a task set that a spec names'));
    const forgotten = await cluster.artifacts.put(Buffer.from('an upload without an end'));
    const it = retention();
    const body = living({ batches: [OLD], digests: [pinned.digest] });
    ahead = 0.5;
    await it.living(body);
    expect(await it.pass(never)).toBeUndefined();
    ahead = 1.5;
    await it.living(body);
    expect(await it.pass(never)).toMatchObject({ batches: 0, rows: 0 });
    const sizes = [forgotten.digest, pinned.digest, outputOf(OLD, 'old')].map(async (digest) =>
      cluster.artifacts.size(digest),
    );
    expect(await Promise.all(sizes)).toEqual([undefined, pinned.size, expect.any(Number)]);
    expect(it.passes).toHaveLength(1);
  });

  it('that only an object named stay for the days after it, over restarts', async () => {
    await finished(OLD, 'old');
    const { digest } = await cluster.artifacts.put(Buffer.from('a task set that a spec names'));
    const isThere = async () => (await cluster.artifacts.size(digest)) !== undefined;
    let it = retention();
    await it.living(living({ batches: [OLD], digests: [digest] }));
    ahead = 2;
    // The object is gone from here on.
    await it.living(living({ batches: [OLD] }));
    await it.pass(never);
    expect(await isThere()).toBe(true);
    await cluster.restart();
    it = retention();
    ahead = DAYS + 1.9;
    await it.living(living({ batches: [OLD] }));
    await it.pass(never);
    expect(await isThere()).toBe(true);
    ahead = DAYS + 3;
    // A namespace that cannot be listed may hold another one that names it.
    await it.living(living({ batches: [OLD], namespaces: [NAMESPACE], unlisted: ['elsewhere'] }));
    await it.pass(never);
    expect(await isThere()).toBe(true);
    await it.living(living({ batches: [OLD] }));
    await it.pass(never);
    expect(await isThere()).toBe(false);
  });

  it('that an object names again begin their days anew', async () => {
    await finished(OLD, 'old');
    const { digest } = await cluster.artifacts.put(Buffer.from('a task set that a spec names'));
    const it = retention();
    for (const [at, digests] of [
      [0, [digest]],
      [1, []],
      [DAYS, [digest]],
      [DAYS + 1, []],
      [2 * DAYS, []],
    ] as const) {
      ahead = at;
      await it.living(living({ batches: [OLD], digests: [...digests] }));
      await it.pass(never);
      expect(await cluster.artifacts.size(digest)).toBeDefined();
    }
    expect((await cluster.store.objectNames()).size).toBe(1);
    ahead = 2 * DAYS + 1.1;
    await it.living(living({ batches: [OLD] }));
    expect((await cluster.store.objectNames()).size).toBe(0);
  });

  it('that are none, though objects name them, are not remembered once none does', async () => {
    const it = retention();
    const digests = [sha256('never stored')];
    await it.living(living({ digests }));
    expect(await cluster.store.objectNames()).toEqual(new Map([[digests[0], undefined]]));
    await it.living(living());
    expect((await cluster.store.objectNames()).size).toBe(0);
  });

  it('hold the results of a bench as long as the batches that they were made of', async () => {
    await finished(OLD, 'old');
    const arms = [{ name: 'nop', batchUid: OLD }];
    const bench = { namespace: NAMESPACE, name: 'bench', spec: {}, arms, createdAt: 1 };
    const { results } = await cluster.open.coordinator.benchResults('bench-uid', bench);
    if (results === undefined) throw new Error('no results');
    const it = retention();
    await it.living(living());
    ahead = DAYS - 1;
    await it.living(living());
    await it.pass(never);
    expect(await cluster.artifacts.size(results)).toBeDefined();
    ahead = DAYS + 1;
    await it.living(living());
    await it.pass(never);
    expect(await cluster.artifacts.size(results)).toBeUndefined();
  });

  it('of a task set go with its last batch, and the file beside them too', async () => {
    await finished(OLD, 'old');
    const { taskSet } = await cluster.open.coordinator.state(OLD);
    const source = { kind: 'digest', digest: taskSet } as const;
    const it = retention();
    await it.living(living());
    ahead = DAYS + 1;
    await it.living(living());
    await it.pass(never);
    await expect(cluster.plan(NEW, { ...aPlanBody(), source })).rejects.toMatchObject({
      code: 'NotFound',
    });
  });
});
