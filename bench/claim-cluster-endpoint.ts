import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { asBatchId, parseJson } from '../src/base/brand.ts';
import { type ClusterSession, openCluster } from '../src/cli/cluster/cluster-session.ts';
import { clusterEnvironment } from '../test/cluster/cluster-environment.ts';
import { NodeLayer } from '../test/cluster/node/node-layer.ts';
import { waitUntil } from '../test/cluster/wait-until.ts';
import { ensureImages } from '../test/support/images.ts';
import { Installation } from '../test/support/installation.ts';
import { Claim } from './support/claim.ts';
import { clawgym, readResults } from './support/clawgym.ts';
import { claimLayer, timed } from './support/cluster.ts';
import { startEndpointPod } from './support/second-endpoint/endpoint-pod.ts';

/**
 * Claim lifecycle/19: SynthesisJob and BenchRun of deploy/samples/endpoint on a real cluster against the
 * server of llama.cpp in a pod. The Secret holds a wrong key first, which is named and costs nothing; with the
 * right one both go on by themselves and every record and rollout is decided. As in claim lifecycle/11 the
 * weights are a table: what is shown is the wire.
 */
const SAMPLES = resolve(import.meta.dirname, '../deploy/samples/endpoint');
const NAMESPACE = 'endpoint';
const SECRET = 'real-endpoint';
const RECORDS = 4;
const RUN_SECONDS = 600;

const zStatus = z.looseObject({
  status: z
    .looseObject({
      conditions: z
        .array(
          z.object({
            ...{ type: z.string(), status: z.string(), reason: z.string(), message: z.string() },
          }),
        )
        .default([]),
      attempts: z.number().default(0),
      infraFailures: z.number().default(0),
      rollouts: z.object({ decided: z.number() }).optional(),
      records: z.number().default(0),
      inputTokens: z.number().default(0),
      rejections: z.array(z.object({ reason: z.string(), count: z.number() })).default([]),
    })
    .optional(),
});
const zOwner = z.object({ kind: z.string(), uid: z.string() });
const zList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        ...{ name: z.string(), uid: z.string() },
        ownerReferences: z.array(zOwner).default([]),
      }),
    }),
  ),
});

const claim = new Claim();
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const key = `sk-${randomBytes(16).toString('hex')}`;
const wrong = `sk-${randomBytes(16).toString('hex')}`;
const scratch = await mkdtemp(join(tmpdir(), 'clawgym-endpoint-'));
try {
  await using owned = await claimLayer('node');
  const environment = clusterEnvironment();
  const { signal } = new AbortController();
  await using layer = new NodeLayer(owned.cluster, { env: environment.env, signal });
  await ensureImages(layer, ['operator', 'server', 'runner', 'agent-pi']);
  await using installation = await Installation.open(owned.cluster, NAMESPACE);
  const baseURL = await startEndpointPod(layer, installation, scratch, key);
  say(`llama.cpp's server answers at ${baseURL}`);
  await give(installation, baseURL, wrong);
  for (const sample of ['synthesisjob.yaml', 'benchrun.yaml'])
    await installation.kubectl(['apply', '--filename', join(SAMPLES, sample)]);
  await refused(installation);
  const [seconds] = await timed(async () => {
    await give(installation, baseURL, key);
    await installation.finished('synthesisjob', 'few-tasks', RUN_SECONDS);
    await installation.finished('benchrun', 'pi-endpoint', RUN_SECONDS);
  });
  const records = await synthesised(installation);
  const flags = { namespace: NAMESPACE, kubeconfig: owned.cluster.kubeconfigPath };
  await using session = await openCluster(flags, environment, signal);
  const { rollouts, calls, tools } = await benched(installation, session, flags.kubeconfig);
  const places = await withoutKeys(installation);
  claim.finish(
    `wrong key: status 401 is said, nothing starts; right key: ${records} records, ${rollouts} rollouts in ${Math.round(seconds)} s, ${calls} calls of pi, ${tools} with a tool; no key in ${places} objects and logs`,
  );
} finally {
  await rm(scratch, { recursive: true, force: true });
}

/** The Secret of the samples, with an address and a key of one's own. */
async function give(installation: Installation, baseURL: string, apiKey: string): Promise<void> {
  const secret = {
    ...{ apiVersion: 'v1', kind: 'Secret', type: 'clawgym.io/upstream' },
    ...{ metadata: { name: SECRET }, data: { baseURL: base64(baseURL), apiKey: base64(apiKey) } },
  };
  // A client-side apply would write the key into an annotation.
  await installation.kubectl(['apply', '--server-side', '--filename', '-'], JSON.stringify(secret));
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

async function statusOf(installation: Installation, kind: string, name: string) {
  return zStatus.parse(await installation.get(kind, name)).status;
}

/** The wrong key stands in both objects, nothing of pi or of the job is started or counted. */
async function refused(installation: Installation): Promise<void> {
  for (const [kind, name] of [
    ['synthesisjob', 'few-tasks'],
    ['benchrun', 'pi-endpoint'],
  ] as const) {
    let said = '';
    await waitUntil(
      async () => {
        const conditions = (await statusOf(installation, kind, name))?.conditions ?? [];
        const stalled = conditions.find(({ type }) => type === 'Stalled');
        if (stalled?.status !== 'True') return false;
        said = stalled.message;
        return true;
      },
      { what: `${kind} ${name} says that it cannot go on`, seconds: 180 },
    );
    say(`${kind} ${name}: ${said}`);
    const named = [`Secret ${NAMESPACE}/${SECRET}`, 'status 401', 'check apiKey of the Secret'];
    for (const words of named)
      claim.check(said.includes(words), `${kind} ${name} does not say "${words}": ${said}`);
  }
  // The other arms run to their end meanwhile; pi's batch and the job have begun nothing then.
  await waitUntil(
    async () => {
      const all = await listed(installation, 'rolloutbatches', 'clawgym.io/arm');
      const over = await Promise.all(
        all.map(
          async ({ name }) => (await statusOf(installation, 'rolloutbatch', name))?.conditions,
        ),
      );
      return over.filter((each) => each?.some(isComplete)).length === 2;
    },
    { what: 'the arms without a model are complete', seconds: 300 },
  );
  const pi = await piBatch(installation);
  const batch = await statusOf(installation, 'rolloutbatch', pi.name);
  claim.check(
    batch?.attempts === 0 && batch.infraFailures === 0 && batch.rollouts?.decided === 0,
    `the batch of pi counts ${JSON.stringify(batch)}`,
  );
  const job = await statusOf(installation, 'synthesisjob', 'few-tasks');
  claim.check(
    job?.records === 0 && job.inputTokens === 0,
    `the SynthesisJob counts ${JSON.stringify(job)}`,
  );
  const begun = (await listed(installation, 'jobs')).filter(({ ownerReferences }) =>
    ownerReferences.some(({ uid, kind }) => uid === pi.uid || kind === 'SynthesisJob'),
  );
  claim.check(begun.length === 0, `started with a wrong key: ${JSON.stringify(begun)}`);
}

function isComplete({ type, status }: { readonly type: string; readonly status: string }): boolean {
  return type === 'Complete' && status === 'True';
}

async function listed(installation: Installation, kind: string, selector = '') {
  const args = ['get', kind, '--selector', selector, '--output', 'json'];
  const { items } = zList.parse(parseJson(await installation.kubectl(args)));
  return items.map(({ metadata }) => metadata);
}

async function piBatch(installation: Installation) {
  const [found] = await listed(installation, 'rolloutbatches', 'clawgym.io/arm=pi');
  if (found === undefined) throw new Error('there is no RolloutBatch of the arm pi');
  return found;
}

/** Every record is decided by what the model said, and none by the wire. */
async function synthesised(installation: Installation): Promise<number> {
  const status = await statusOf(installation, 'synthesisjob', 'few-tasks');
  const rejected = status?.rejections ?? [];
  const honest = rejected.length === 1 && rejected[0]?.reason === 'MalformedAnswer';
  claim.check(
    honest && rejected[0]?.count === RECORDS && status?.records === RECORDS,
    `the SynthesisJob came to ${JSON.stringify(status)}`,
  );
  return status?.records ?? 0;
}

async function benched(
  installation: Installation,
  session: ClusterSession,
  kubeconfig: string,
): Promise<{ readonly rollouts: number; readonly calls: number; readonly tools: number }> {
  const out = join(scratch, 'report');
  const access = ['--namespace', NAMESPACE, '--kubeconfig', kubeconfig, '--out', out];
  const { exitCode, stderr } = await clawgym(['report', 'pi-endpoint', ...access]);
  claim.check(exitCode === 0, `clawgym report: ${exitCode}: ${stderr.slice(-800)}`);
  const { arms } = await readResults(out);
  let rollouts = 0;
  for (const arm of arms) {
    const expected = arm.name === 'nop' ? 0 : 1;
    for (const { outcome, reason, score } of arm.tasks.flatMap(({ attempts }) => attempts)) {
      rollouts += 1;
      claim.check(
        outcome === 'scored' && score.final === expected,
        `arm ${arm.name}: ${outcome} ${reason}, score ${score.final}, expected ${expected}`,
      );
    }
  }
  claim.check(rollouts === 6, `${rollouts} rollouts in the report, expected 6`);
  const pi = arms.find(({ name }) => name === 'pi')?.tokens;
  claim.check(pi?.unmetered === 0, `${pi?.unmetered} calls of pi without a count of tokens`);
  const reader = await session.reader();
  let tools = 0;
  for (const { id } of await reader.listRollouts(asBatchId((await piBatch(installation)).uid)))
    for (const attempt of await reader.listAttempts(id))
      for (const { finish } of await reader.listCalls(attempt.id)) {
        claim.check(finish?.status === 200, `a call of pi: status ${finish?.status}`);
        if (finish === undefined) continue;
        const answer = Buffer.from(await reader.read(finish.response)).toString();
        if (answer.includes('"tool_calls"')) tools += 1;
      }
  claim.check(tools === 2, `${tools} answers with a call of a tool, expected 2`);
  return { rollouts, calls: pi?.calls ?? 0, tools };
}

/** Objects of every kind but Secrets, events among them, and the log of every container. */
async function withoutKeys(installation: Installation): Promise<number> {
  const { cluster } = installation;
  const listed = ['api-resources', '--namespaced', '--verbs=list', '--output=name'];
  const kinds = (await cluster.kubectl(listed)).split('\n').filter((kind) => kind !== '');
  const open = kinds.filter((kind) => kind !== 'secrets').join(',');
  const here = ['--namespace', NAMESPACE];
  const text = await cluster.kubectl(['get', open, ...here, '--output', 'json']);
  const pods = zList.parse(
    parseJson(await cluster.kubectl(['get', 'pods', ...here, '--output', 'json'])),
  ).items;
  const logs = await Promise.all(
    pods.map(({ metadata: { name } }) =>
      cluster.kubectl(['logs', name, ...here, '--all-containers', '--prefix']),
    ),
  );
  for (const [where, said] of [
    ['objects', text] as const,
    ...logs.map((log) => ['logs', log] as const),
  ])
    for (const one of [key, wrong])
      for (const spelling of [one, base64(one)])
        claim.check(!said.includes(spelling), `a key is in the ${where}`);
  return zList.parse(parseJson(text)).items.length + logs.length;
}
