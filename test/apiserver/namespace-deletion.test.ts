import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, test } from 'vitest';
import { z } from 'zod';
import { isNotFound, isRefusal } from '../../operator/kube/base/kube-error.ts';
import { findCondition } from '../../operator/kube/objects/conditions.ts';
import { BatchBed, SERVICE } from '../support/batch/batch-bed.ts';
import { BATCHES_OF_EVERY_KIND, batchesIn, makeEveryKind } from '../support/batch/every-kind.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { transportOf } from '../support/cluster-client.ts';
import { type KeptLine, lineLogger } from '../support/keeping-logger.ts';
import { namespaces } from '../support/layer-client.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { tempDir } from '../support/temp-dir.ts';

const cluster = layerCluster();
const LIMIT = { timeout: 60_000, interval: 50 };
const OPERATOR = 'operator-of-one-namespace';

beforeAll(async () => installCrds(cluster), 120_000);

const running = async (bed: BatchBed): Promise<number> =>
  (await batchesIn(bed)).filter(
    ({ status }) => findCondition(status?.conditions, 'Progressing')?.reason === 'Running',
  ).length;

async function isThere(bed: BatchBed): Promise<boolean> {
  try {
    await bed.client.for(namespaces).get({ name: bed.namespace }, bed.call);
    return true;
  } catch (thrown) {
    if (isNotFound(thrown)) return false;
    throw thrown;
  }
}

/** Who may do everything in the namespace, by a binding that goes with it, and nothing elsewhere. */
async function bindOperator({ namespace }: BatchBed): Promise<void> {
  const flags = ['--clusterrole=cluster-admin', `--user=${OPERATOR}`, '--namespace', namespace];
  await cluster.kubectl(['create', 'rolebinding', OPERATOR, ...flags]);
}

/** A kubeconfig of the operator that `bindOperator` binds. */
async function writeKubeconfig(path: string): Promise<string> {
  const config = z
    .looseObject({ users: z.array(z.looseObject({ user: z.looseObject({}) })) })
    .parse(JSON.parse(readFileSync(cluster.kubeconfigPath, 'utf8')));
  const users = config.users.map((one) => ({ ...one, user: { ...one.user, as: OPERATOR } }));
  await writeFile(path, JSON.stringify({ ...config, users }), { mode: 0o600 });
  return path;
}

describe('a namespace that is deleted in the middle of runs of every kind', () => {
  test.for(['cluster', 'namespace'] as const)(
    'goes, each batch of it is closed, and one made again under its name works: operator of the %s',
    async (serves, { expect }) => {
      await using folder = await tempDir();
      await using bed = await BatchBed.open(cluster.kubeconfigPath, { script: () => 'hang' });
      const kubeconfig = await writeKubeconfig(join(folder.path, 'kubeconfig'));
      await using transport = transportOf(
        serves === 'cluster' ? cluster.kubeconfigPath : kubeconfig,
        'operator',
      );
      // The installation is in another namespace than the runs.
      await using release = await BatchBed.open(cluster.kubeconfigPath);
      const service = { namespace: release.namespace, name: SERVICE };
      for (const one of [bed, release]) await bindOperator(one);
      const lines: KeptLine[] = [];
      const logger = lineLogger(lines);
      await using _life = bed.start({ transport, logger, serves, service });
      await makeEveryKind(bed);
      await expect.poll(() => running(bed), LIMIT).toBe(BATCHES_OF_EVERY_KIND);

      await bed.client.for(namespaces).delete({ name: bed.namespace }, bed.call);
      await expect.poll(() => isThere(bed), LIMIT).toBe(false);
      const closed = () => bed.server.planned(bed.namespace).map(([, why]) => why);
      await expect.poll(closed, LIMIT).toEqual(Array(BATCHES_OF_EVERY_KIND).fill('Deleted'));
      // A write may come too late for its object, or for the operator's rights; none is made for ever.
      const failures = lines.filter(
        ({ level, fields }) => level === 'error' && fields['namespace'] === bed.namespace,
      );
      expect(failures.filter(({ fields }) => !isRefusal(fields['error']))).toEqual([]);
      expect(failures.length).toBeLessThanOrEqual(2 * BATCHES_OF_EVERY_KIND);

      bed.script = () => 'work';
      const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
      const metadata = { name: bed.namespace, labels };
      await bed.client.for(namespaces).create({ metadata }, bed.call);
      await bindOperator(bed);
      await bed.create('batch', { samples: 2 });
      await expect.poll(() => bed.complete('batch'), LIMIT).toBe(true);
    },
  );
});
