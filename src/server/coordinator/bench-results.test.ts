import { beforeEach, expect, it } from 'vitest';
import { aPlanBody, aTask, aVerdict, endedWell } from '../../../test/support/cluster-batches.ts';
import { startScripted } from '../../../test/support/scripted-bed.ts';
import {
  type ClusterScript,
  NAMESPACE,
  type ScriptedCluster,
} from '../../../test/support/scripted-cluster.ts';
import { asBatchId, parseJson, type Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { sha256 } from '../../base/digest.ts';
import { zResults } from '../../bench/results.ts';

const TEACHER = 'e0a1b2c3-0000-4000-8000-00000000000a';
const TRAINED = 'e0a1b2c3-0000-4000-8000-00000000000b';

const well: ClusterScript = {
  agent: async (_grant, cluster) => ({ report: await endedWell(cluster) }),
  grade: async ({ nonce }) => aVerdict(nonce, { there: 0.5 }),
};

let cluster: ScriptedCluster;
beforeEach(async () => {
  cluster = await startScripted();
});

async function finished(uid: string, name: string, over: object = {}): Promise<Sha256> {
  await cluster.plan(uid, aPlanBody({ name, ...over }));
  await cluster.drive(uid, well);
  await cluster.open.coordinator.finish(uid);
  return (await cluster.open.coordinator.state(uid)).taskSet;
}

/** A model that knows some of a task set, and of what it was made of nobody knows where it is. */
async function modelOf(taskSet: Sha256, tasks: readonly Sha256[]): Promise<Sha256> {
  const digest = sha256('file');
  const manifest = {
    ...{ format: 'model/v1', kind: 'full' },
    files: [{ path: 'config.json', digest, bytes: 4 }],
    template: { path: 'chat_template.jinja', sha256: digest },
    tokenizer: { sha256: digest },
    record: { versions: {}, parents: [sha256('lost')], taskSet, tasks },
  };
  return (await cluster.artifacts.put(Buffer.from(canonicalJson(manifest)))).digest;
}

it('say which tasks the model of an arm was trained on, and what of its past is lost', async () => {
  const both = await finished(TEACHER, 'teacher');
  const [first] = await cluster.store.listRollouts(asBatchId(TEACHER));
  if (first === undefined) throw new Error('no rollouts');
  const artifact = await modelOf(both, [first.taskDigest]);
  const agent = { name: 'command', command: ['true'] };
  const spec = { model: { name: 'm', artifact } };
  await finished(TRAINED, 'trained', { agent, spec, tasks: [aTask('one'), aTask('two')] });
  const arms = [
    { name: 'nop', batchUid: TEACHER },
    { name: 'trained', batchUid: TRAINED },
  ];
  const bench = { namespace: NAMESPACE, name: 'bench', spec: {}, arms, createdAt: 1 };
  const { results } = await cluster.open.coordinator.benchResults('bench-uid', bench);
  if (results === undefined) throw new Error('no results');
  const text = Buffer.from(await cluster.artifacts.read(results)).toString();
  const found = zResults.parse(parseJson(text)).arms.map(({ training }) => training);
  expect(found).toEqual([null, { shared: [first.taskId], unread: [sha256('lost')] }]);
});
