import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../src/base/brand.ts';
import { openCluster } from '../src/cli/cluster/cluster-session.ts';
import { IMAGE_PATHS, LABELS, POLICY_PORT } from '../src/protocol/pod-contract.ts';
import { importModel } from '../src/training/model-artifact.ts';
import { clusterEnvironment } from '../test/cluster/cluster-environment.ts';
import { imageReference } from '../test/cluster/images/image-names.ts';
import { containerdClient } from '../test/cluster/node/node.ts';
import { NodeLayer } from '../test/cluster/node/node-layer.ts';
import { runTool } from '../test/cluster/node/run-tool.ts';
import { waitUntil } from '../test/cluster/wait-until.ts';
import { ensureImages } from '../test/support/images.ts';
import { Installation } from '../test/support/installation.ts';
import { Claim } from './support/claim.ts';
import { clawgym, readResults } from './support/clawgym.ts';
import { claimLayer, timed } from './support/cluster.ts';
import { STUB_IDS, STUB_POLICY_SERVER } from './support/stub-policy-server.ts';

/**
 * Claim lifecycle/12: a BenchRun whose arm names a model artifact, on a real node. The pod that serves it
 * gets the files by their digests, is proven by its canary, and is killed between two calls of each agent;
 * a sandbox of another batch cannot reach it, a model with another canary serves nobody, and no pod is
 * left. The policy server is a program that keeps to the wire and holds no weights.
 */
const NAMESPACE = 'policy';
const SAMPLE = resolve(import.meta.dirname, '../deploy/samples/quickstart/example-tasks.yaml');
const TASKS = ['contact-split', 'log-triage'];
const ATTEMPTS = 2;
const apiVersion = 'clawgym.io/v1alpha1';
const CALLS = 2;
/** Asks, is slow enough for the pod to be lost meanwhile, and asks again. */
const AGENT = `
import json, os, time, urllib.request
for turn in range(${CALLS}):
    body = {"model": os.environ["CLAWGYM_MODEL"], "messages": [{"role": "user", "content": "say amber"}]}
    request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", json.dumps(body).encode(), {"content-type": "application/json", "authorization": "Bearer x"})
    with urllib.request.urlopen(request) as response:
        assert json.load(response)["choices"][0]["message"]["content"] == "amber"
    time.sleep(15)
`;
/** Fails where it gets through. */
const stranger = (ip: string): string => `
import socket, sys
try:
    socket.create_connection(("${ip}", ${POLICY_PORT}), 5)
    sys.exit(3)
except OSError:
    print("not reached")
`;
const zPods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), uid: z.string() }),
      status: z.object({ podIP: z.string().optional() }),
    }),
  ),
});
const zBatches = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      status: z
        .object({
          conditions: z.array(
            z.object({ type: z.string(), reason: z.string(), message: z.string() }),
          ),
          outcomes: z.array(z.object({ outcome: z.string(), count: z.number() })).optional(),
        })
        .optional(),
    }),
  ),
});

const claim = new Claim();
const scratch = await mkdtemp(join(tmpdir(), 'clawgym-policy-'));
try {
  await using owned = await claimLayer('node');
  const environment = clusterEnvironment();
  const { signal } = new AbortController();
  await using layer = new NodeLayer(owned.cluster, { env: environment.env, signal });
  await ensureImages(layer, ['operator', 'server', 'runner']);
  const image = await byDigest(layer);
  await using installation = await Installation.open(owned.cluster, NAMESPACE);
  await installation.kubectl(['apply', '--server-side', '--filename', SAMPLE]);
  await apply(installation, runtime(image));
  const flags = { namespace: NAMESPACE, kubeconfig: owned.cluster.kubeconfigPath };
  await using session = await openCluster(flags, environment, signal);
  const right = await storeModel(session, STUB_IDS);
  const wrong = await storeModel(session, [1, 2]);
  const [seconds, second] = await timed(() => run(installation, right));
  await refused(installation, wrong);
  await waitUntil(async () => (await policyPods(installation)).length === 0, {
    ...{ what: 'no policy pod is left', seconds: 60 },
  });
  const out = join(scratch, 'report');
  const access = ['--namespace', NAMESPACE, '--kubeconfig', owned.cluster.kubeconfigPath];
  const report = await clawgym(['report', 'ours', ...access, '--out', out, '--wait']);
  claim.check(report.exitCode === 0, `clawgym report: ${report.stderr}`);
  const { arms } = await readResults(out);
  const attempts = arms.flatMap(({ tasks }) => tasks.flatMap((task) => task.attempts));
  const odd = attempts.filter(({ outcome }) => outcome !== 'scored');
  claim.check(odd.length === 0, `not scored: ${JSON.stringify(odd)}`);
  const tokens = arms[0]?.tokens;
  const calls = TASKS.length * ATTEMPTS * CALLS;
  claim.check(
    tokens?.calls === calls && tokens.unmetered === 0,
    `calls: ${JSON.stringify(tokens)}, expected ${calls}`,
  );
  claim.finish(
    `${attempts.length} rollouts of a BenchRun, ${tokens?.calls} calls answered by policy pods (${second.pods} in turn, the first killed), none lost; ${Math.round(seconds)} s; a stranger's sandbox reaches none, another canary serves nobody, no pod is left`,
  );
} finally {
  await rm(scratch, { recursive: true, force: true });
}

/** The run, a stranger beside it, and the loss of its pod between two calls. */
async function run(installation: Installation, model: string): Promise<{ readonly pods: number }> {
  const arm = { name: 'ours', agent: command(AGENT), model: ours(model) };
  const spec = { tasks: tasks(), attempts: ATTEMPTS, arms: [arm] };
  await apply(installation, { apiVersion, kind: 'BenchRun', metadata: { name: 'ours' }, spec });
  await waitUntil(async () => (await reasonOf(installation, 'ours')) === 'Served', {
    ...{ what: 'the model is served', seconds: 180 },
  });
  const [first] = await policyPods(installation);
  if (first === undefined) throw new Error('there is no policy pod');
  const other = { tasks: tasks(), agent: command(stranger(first.status.podIP ?? '')), samples: 1 };
  const metadata = { name: 'stranger' };
  await apply(installation, { apiVersion, kind: 'RolloutBatch', metadata, spec: other });
  await installation.finished('rolloutbatch', 'stranger', 300);
  const [seen] = await batches(installation, 'stranger');
  const outcomes = JSON.stringify(seen?.status?.outcomes);
  const all = JSON.stringify([{ outcome: 'scored', count: TASKS.length }]);
  claim.check(outcomes === all, `a stranger's sandbox reached the policy pod: ${outcomes}`);
  await installation.kubectl(['delete', 'pod', first.metadata.name, '--grace-period=1']);
  let pods = 1;
  await waitUntil(
    async () => {
      const [now] = await policyPods(installation);
      if (now !== undefined && now.metadata.uid !== first.metadata.uid) pods = 2;
      return pods === 2;
    },
    { what: 'another policy pod is made', seconds: 60 },
  );
  await installation.finished('benchrun', 'ours', 400);
  return { pods };
}

/** A model whose record says another canary serves nobody. */
async function refused(installation: Installation, model: string): Promise<void> {
  const metadata = { name: 'wrong' };
  const spec = { tasks: tasks(), agent: command(AGENT), model: ours(model) };
  await apply(installation, { apiVersion, kind: 'RolloutBatch', metadata, spec });
  await waitUntil(async () => (await reasonOf(installation, 'wrong')) === 'CanaryFailed', {
    ...{ what: 'a model with another canary is refused', seconds: 180 },
  });
  const jobs = await installation.kubectl(['get', 'jobs', '--output', 'name']);
  claim.check(!jobs.includes('wrong'), `agents of a refused model were started: ${jobs}`);
  await installation.kubectl(['delete', 'rolloutbatch', 'wrong']);
}

async function byDigest(layer: NodeLayer): Promise<string> {
  const { env } = clusterEnvironment();
  const { signal } = new AbortController();
  const reference = imageReference('runner');
  let name = '';
  for (const { state } of layer.nodes) {
    const list = containerdClient(state, ['images', 'list', `name==${reference}`]);
    const digest = /sha256:[0-9a-f]{64}/.exec(await runTool(list, { env, signal }))?.[0] ?? '';
    name = `${reference.replace(/:[^:/]*$/, '')}@${digest}`;
    const tag = ['images', 'tag', '--force', reference, name];
    await runTool(containerdClient(state, tag), { env, signal });
  }
  return name;
}

function runtime(image: string): object {
  return {
    ...{ apiVersion, kind: 'TrainingRuntime', metadata: { name: 'stub' } },
    spec: {
      ...{ contract: 'rl-tokens/v1', capabilities: { methods: ['full'], cpu: true } },
      trainer: { image },
      policyServer: { image, command: [IMAGE_PATHS.node, '-e', STUB_POLICY_SERVER] },
    },
  };
}

async function storeModel(
  session: Awaited<ReturnType<typeof openCluster>>,
  ids: readonly number[],
): Promise<string> {
  const dir = await mkdtemp(join(scratch, 'model-'));
  const texts = { 'config.json': '{}', 'tokenizer.json': '{}', 'chat_template.jinja': 'x' };
  for (const [name, text] of Object.entries(texts)) await writeFile(join(dir, name), text);
  await writeFile(join(dir, 'model.safetensors'), Buffer.alloc(3_000_000, 1));
  const record = { versions: {}, parents: [], canary: { prompt: 'say', ids: [...ids] } };
  const server = await session.reader();
  const { digest } = await importModel(dir, record, server);
  await server.importModel({ digest, source: 'claim' });
  return digest;
}

function ours(model: string): object {
  const runtimeRef = { kind: 'TrainingRuntime', name: 'stub' };
  return { name: 'mine', artifact: `sha256:${model}`, runtimeRef };
}

function command(program: string): object {
  return { name: 'command', command: ['python3', '-c', program] };
}

function tasks(): object {
  return { configMap: { name: 'example-tasks', key: 'tasks.jsonl' }, taskIds: TASKS };
}

async function apply(installation: Installation, object: object): Promise<void> {
  await installation.kubectl(['apply', '--filename', '-'], JSON.stringify(object));
}

async function policyPods(installation: Installation) {
  const list = ['get', 'pods', '--selector', `${LABELS.policy}=true`, '--output', 'json'];
  return zPods.parse(parseJson(await installation.kubectl(list))).items;
}

async function batches(installation: Installation, prefix: string) {
  const list = await installation.kubectl(['get', 'rolloutbatches', '--output', 'json']);
  const { items } = zBatches.parse(parseJson(list));
  return items.filter(({ metadata }) => metadata.name.startsWith(prefix));
}

async function reasonOf(installation: Installation, prefix: string): Promise<string | undefined> {
  const [batch] = await batches(installation, prefix);
  const found = batch?.status?.conditions.find(({ type }) => type === 'ModelServed');
  if (found !== undefined) process.stderr.write(`${prefix}: ${found.reason}: ${found.message}\n`);
  return found?.reason;
}
