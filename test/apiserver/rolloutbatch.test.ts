import { beforeAll, describe, expect, test } from 'vitest';
import { BatchBed, type BedOptions } from '../support/batch/batch-bed.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { layerCluster } from '../support/layer-cluster.ts';

const cluster = layerCluster();
const open = async (options: BedOptions = {}): Promise<BatchBed> =>
  BatchBed.open(cluster.kubeconfigPath, options);
const LIMIT = { timeout: 60_000, interval: 50 };

beforeAll(async () => installCrds(cluster), 120_000);

describe('a batch', () => {
  test('comes to its end: planned, run, verified, complete, tidied up', async () => {
    await using bed = await open();
    await using _life = bed.start();
    const { metadata } = await bed.create('demo', { samples: 6, parallelism: 3 });
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
    const batch = await bed.get('demo');
    expect(batch?.status).toMatchObject({
      progress: '6/6',
      taskSet: 'a'.repeat(64),
      outcomes: [{ outcome: 'scored', count: 6 }],
      attempts: 6,
    });
    expect(bed.server.attempts(metadata.uid ?? '')).toEqual([1, 1, 1, 1, 1, 1]);
    await expect.poll(() => bed.jobs(), LIMIT).toEqual([]);
    await expect
      .poll(() => bed.eventReasons('demo'), LIMIT)
      .toEqual(expect.arrayContaining(['TaskSetFrozen', 'Running', 'AllDecided']));
  });
});
