import { expect, it } from 'vitest';
import { aPlanBody } from '../../../test/support/cluster-batches.ts';
import { startScripted, UID } from '../../../test/support/scripted-bed.ts';
import type { ScriptedCluster } from '../../../test/support/scripted-cluster.ts';
import { asBatchId, type Sha256 } from '../../base/brand.ts';
import { sha256 } from '../../base/digest.ts';

const FILE = sha256('weights');

async function storeModel({ artifacts }: ScriptedCluster, kind: 'full' | 'adapter') {
  const manifest = {
    ...{ format: 'model/v1', kind, files: [{ path: 'a.safetensors', digest: FILE, bytes: 7 }] },
    template: { path: 'chat_template.jinja', sha256: sha256('t') },
    tokenizer: { sha256: sha256('k') },
    record: { versions: {}, parents: [] },
  };
  return (await artifacts.put(Buffer.from(JSON.stringify(manifest)))).digest;
}

const bodyOf = (model: object) =>
  aPlanBody({ spec: { agent: { name: 'pi' }, model: { name: 'mine', ...model } } });
const ours = (digest: Sha256) => bodyOf({ artifact: `sha256:${digest}` });

it('a batch keeps the model of ours that it was planned with, its files too', async () => {
  const cluster = await startScripted();
  const model = await storeModel(cluster, 'full');
  expect(await cluster.plan(UID, ours(model))).toMatchObject({ model, pending: 2 });
  for (const digest of [model, FILE])
    expect(await cluster.store.batchesOf(digest)).toEqual([asBatchId(UID)]);
});

it.each<[string, (cluster: ScriptedCluster) => Promise<object> | object, RegExp]>([
  [
    'is not in the store',
    () => ours(sha256('none')),
    /^RolloutBatch .*: spec\.model\.artifact: model .* is not in the store of the server; import it with: clawgym models import DIR --namespace \S+, /,
  ],
  [
    'is no model',
    async ({ artifacts }) => ours((await artifacts.put(Buffer.from('x'))).digest),
    /no model\/v1 manifest/,
  ],
  [
    'is an adapter',
    async (cluster) => ours(await storeModel(cluster, 'adapter')),
    /spec\.model: sha256:[0-9a-f]+ is an adapter/,
  ],
  [
    'is a recording',
    () => bodyOf({ recording: { path: 'x' } }),
    /for the local engine.*spec\.model\.artifact/,
  ],
])('a model that %s plans nothing', async (_case, body, message) => {
  const cluster = await startScripted();
  const asked = (await body(cluster)) as Parameters<typeof cluster.plan>[1];
  await expect(cluster.plan(UID, asked)).rejects.toThrow(message);
  expect(await cluster.store.getBatch(asBatchId(UID))).toBeUndefined();
});
