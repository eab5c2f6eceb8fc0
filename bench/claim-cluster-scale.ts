import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { z } from 'zod';
import { rolloutBatches } from '../operator/controllers/shared/kinds.ts';
import type { Transport } from '../operator/kube/client/transport.ts';
import { resourcePath } from '../operator/kube/objects/resource.ts';
import { rolloutBatch } from '../src/api/rollout-batch.ts';
import { systemClock } from '../src/base/clock.ts';
import type { Cluster } from '../test/cluster/cluster.ts';
import { waitUntil } from '../test/cluster/wait-until.ts';
import { Claim } from './support/claim.ts';
import { claimLayer, timed } from './support/cluster.ts';
import { connect } from './support/kube.ts';
import { auditFlags, readAudit } from './support/scale/audit.ts';
import {
  applied,
  Installed,
  OPERATOR,
  SERVER,
  type ServerAccess,
} from './support/scale/installed.ts';
import { cpuSeconds, OwnProcess, sampleMemory } from './support/scale/process.ts';
import { storedRows } from './support/scale/stored-rows.ts';

/**
 * Claims operator/4, operator/17 and operator/18: a batch of so many rollouts by nop on the scale layer, by the real
 * operator and the real server as processes. KWOK plays the nodes; a process of ours plays the programs of
 * each pod through the real sandbox API with the pod's own token. Every rollout is counted once, within so
 * many minutes, with at most 0.3 writes of the operator to the API server a rollout.
 *
 * `--rollouts 500 --parallelism 100 --minutes 2`; `--stock-qps`: the controller manager with the rates
 * that it has without our flags; no limit of time holds then. Fewer than some hundred rollouts miss the limit of
 * writes: what a batch and a leader write anyway weighs too much there. `--profile FOLDER`: also CPU profiles of
 * our three processes.
 */
const { values } = parseArgs({
  options: {
    rollouts: { type: 'string', default: '5000' },
    parallelism: { type: 'string', default: '500' },
    minutes: { type: 'string', default: '8' },
    'stock-qps': { type: 'boolean', default: false },
    /** How long each agent and grader takes. */
    'work-seconds': { type: 'string', default: '0' },
    /** Folder for CPU profiles of operator, server and sandboxes. */
    profile: { type: 'string' },
  },
});
const ROOT = resolve(import.meta.dirname, '..');
const TASKS = 10;
const ROLLOUTS = Number(values.rollouts);
const PARALLELISM = Number(values.parallelism);
const LIMIT_SECONDS = Number(values.minutes) * 60;
const LIMITS = { residentMb: 400, writes: 0.3, growth: 1.1 };
/** A shorter run is over before Node has found the size of its heap: its growth says nothing. */
const GROWTH_ROLLOUTS = 2000;
/** A run that is far over its limit is still measured to its end. */
const PATIENCE = 2.5;
const WORKERS = 48;
const NAMESPACE = 'scale';
const NAME = 'many';
/** Of the release that the layer runs. */
const STOCK_RATE = ['--kube-api-qps=20', '--kube-api-burst=30'];
const NODE_FLAGS =
  values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(values.profile)}`];
const EXAMPLES = join(ROOT, 'deploy/samples/quickstart/example-tasks.yaml');
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const claim = new Claim();
const folder = await mkdtemp(join(tmpdir(), 'clawgym-scale-'));
try {
  const user = (account: string) => `system:serviceaccount:${NAMESPACE}:${account}`;
  await using owned = await claimLayer('scale', {
    apiServerFlags: await auditFlags(folder, [user(OPERATOR), user(SERVER)]),
    ...(values['stock-qps'] && { controllerManagerFlags: STOCK_RATE }),
  });
  const { cluster } = owned;
  await using installed = await Installed.open(cluster, NAMESPACE, folder, NODE_FLAGS);
  const server = await installed.startServer();
  const operator = await installed.startOperator(server.access);
  await using sandboxes = await startSandboxes(cluster, server.access);
  const own = [operator, server.process, sandboxes];
  const memory = sampleMemory(operator.pid);
  const cpuBefore = await cpuOf(cluster, own);
  const began = systemClock.now();
  const [seconds, batch] = await timed(() => runBatch(cluster));
  const use = memory.stop();
  const cpu = await cpuOf(cluster, own);
  if (isComplete(batch)) await tidiedUp(cluster);
  const rows = await storedRows(server.access, batch.metadata.uid ?? '');
  const audit = await readAudit(folder, user(OPERATOR), began);
  const serverAudit = await readAudit(folder, user(SERVER), began);
  await sandboxes.stop();

  checkCounts(batch, rows);
  const writes = [...audit.writes.values()].reduce((sum, count) => sum + count, 0);
  const each = writes / ROLLOUTS;
  claim.check(
    each <= LIMITS.writes,
    `${writes} writes are ${each.toFixed(3)} a rollout, more than ${LIMITS.writes}`,
  );
  claim.check(
    use.mostMb > 0 && use.mostMb <= LIMITS.residentMb,
    `the operator had ${use.mostMb.toFixed(0)} MB resident, more than ${LIMITS.residentMb}`,
  );
  claim.check(
    ROLLOUTS < GROWTH_ROLLOUTS || use.lateMb <= use.middleMb * LIMITS.growth,
    `the operator grew from ${use.middleMb.toFixed(0)} MB in the middle to ${use.lateMb.toFixed(0)} MB in the last third`,
  );
  const unbounded = [...audit.unbounded, ...serverAudit.unbounded];
  claim.check(
    audit.lists > 0,
    'the audit log shows no list of the operator: it cannot be complete',
  );
  claim.check(unbounded.length === 0, `lists without limit: ${unbounded.join(', ')}`);
  if (!values['stock-qps'])
    claim.check(
      seconds <= LIMIT_SECONDS,
      `it took ${Math.round(seconds)} s, more than ${LIMIT_SECONDS} s`,
    );
  say(
    `writes of the operator: ${[...audit.writes].map(([what, count]) => `${count} ${what}`).join(', ')}`,
  );
  say(
    `lists of operator and server: ${audit.lists} and ${serverAudit.lists}, all with a limit: ${unbounded.length === 0}`,
  );
  say(
    `operator resident: most ${use.mostMb.toFixed(0)} MB, median of the middle third ${use.middleMb.toFixed(0)} MB, of the last third ${use.lateMb.toFixed(0)} MB`,
  );
  say(
    `CPU seconds: ${[...cpu].map(([name, used]) => `${name} ${Math.round(used - (cpuBefore.get(name) ?? 0))}`).join(', ')}`,
  );
  say(`sandboxes: ${sandboxes.output.trim().split('\n').at(-1)}`);
  const rate = values['stock-qps'] ? ', the controller manager at its stock QPS' : '';
  claim.finish(
    `${rows.decided} of ${ROLLOUTS} rollouts at parallelism ${PARALLELISM} counted once in ${Math.round(seconds)} s (${Math.round((rows.decided / seconds) * 60)} a minute${rate}); ${each.toFixed(3)} writes a rollout; operator at most ${use.mostMb.toFixed(0)} MB resident`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}

type Batch = z.infer<typeof rolloutBatch.schema>;

async function startSandboxes(cluster: Cluster, access: ServerAccess): Promise<OwnProcess> {
  const work = {
    kubeconfig: cluster.kubeconfigPath,
    namespace: NAMESPACE,
    serverUrl: access.sandboxUrl,
    parallel: WORKERS,
    workSeconds: Number(values['work-seconds']),
  };
  const script = join(ROOT, 'bench/support/scale/sandbox-worker.ts');
  const argv = [
    process.execPath,
    ...NODE_FLAGS,
    '--disable-warning=ExperimentalWarning',
    script,
    JSON.stringify(work),
  ];
  const worker = new OwnProcess('sandboxes', argv, {
    logPath: join(folder, 'sandboxes.log'),
    env: {},
  });
  const ready = () => {
    if (!worker.running) throw new Error(worker.lastWords);
    return worker.output.includes('ready');
  };
  await waitUntil(ready, { what: 'the sandboxes are played', seconds: 60 });
  return worker;
}

/** From `kubectl apply` until it is Complete; says every 10 s how far it is. */
async function runBatch(cluster: Cluster): Promise<Batch> {
  await cluster.kubectl([
    '--namespace',
    NAMESPACE,
    'apply',
    '--server-side',
    '--filename',
    EXAMPLES,
  ]);
  const ids = (await readFile(EXAMPLES, 'utf8')).matchAll(/"task_id":"([^"]+)"/g);
  const taskIds = [...ids].map(([, id]) => id).slice(0, TASKS);
  const tasks = { configMap: { name: 'example-tasks', key: 'tasks.jsonl' }, taskIds };
  const spec = {
    tasks,
    agent: { name: 'nop' },
    samples: ROLLOUTS / TASKS,
    parallelism: PARALLELISM,
  };
  const head = { apiVersion: 'clawgym.io/v1alpha1', kind: 'RolloutBatch' };
  await applied(cluster, [{ ...head, metadata: { name: NAME, namespace: NAMESPACE }, spec }]);
  const began = systemClock.monotonic();
  await using client = connect(cluster.kubeconfigPath).transport;
  for (let told = 0; ; ) {
    const batch = await getBatch(client);
    const seconds = (systemClock.monotonic() - began) / 1000;
    const { conditions = [], progress, rollouts } = batch.status ?? {};
    const over = conditions.find(
      ({ type, status }) => /^(Complete|Failed)$/.test(type) && status === 'True',
    );
    if (over !== undefined || seconds > LIMIT_SECONDS * PATIENCE) return batch;
    if (seconds - told >= 10) {
      told = seconds;
      const doing = conditions.find(({ type }) => type === 'Progressing');
      say(
        `${Math.round(seconds)} s: ${progress}, ${JSON.stringify(rollouts)}, ${doing?.reason}: ${doing?.message}`,
      );
    }
    await systemClock.sleep(1000);
  }
}

function isComplete({ status }: Batch): boolean {
  const complete = status?.conditions?.find(({ type }) => type === 'Complete');
  return complete?.status === 'True';
}

/** By a connection of our own: a kubectl a second would be among what is measured. */
async function getBatch(transport: Transport): Promise<Batch> {
  const { signal } = new AbortController();
  const path = resourcePath(rolloutBatches, { namespace: NAMESPACE, name: NAME });
  const call = { method: 'GET', path, verb: 'get', resource: 'rolloutbatches', signal } as const;
  return rolloutBatch.schema.parse(await transport.request(call));
}

/** What the operator still writes after the end of the batch counts too. */
async function tidiedUp(cluster: Cluster): Promise<void> {
  const get = ['--namespace', NAMESPACE, 'get', 'jobs', '--output', 'name'];
  const gone = async () => (await cluster.kubectl(get)).trim() === '';
  await waitUntil(gone, { what: 'the Jobs of the batch are gone', seconds: 120 });
}

async function cpuOf(cluster: Cluster, own: readonly OwnProcess[]): Promise<Map<string, number>> {
  const programs = [...(await cluster.programs()), ...own];
  return new Map(
    await Promise.all(
      programs.map(async ({ name, pid }) => [name, await cpuSeconds(pid)] as const),
    ),
  );
}

function checkCounts(batch: Batch, rows: Awaited<ReturnType<typeof storedRows>>): void {
  const { status } = batch;
  claim.check(
    isComplete(batch),
    `the batch is not Complete: ${JSON.stringify(status?.conditions)}`,
  );
  const counted = Object.fromEntries(
    (status?.outcomes ?? []).map(({ outcome, count }) => [outcome, count]),
  );
  const [ours, theirs] = [JSON.stringify(counted), JSON.stringify(rows.outcomes)];
  claim.check(
    status?.rollouts?.decided === ROLLOUTS,
    `the status counts ${status?.rollouts?.decided} decided`,
  );
  claim.check(
    rows.decided === ROLLOUTS && rows.planned === ROLLOUTS,
    `${rows.decided} rows of ${rows.planned} are decided`,
  );
  claim.check(ours === theirs, `the status has outcomes ${ours}, the rows ${theirs}`);
  claim.check(rows.outcomes['scored'] === ROLLOUTS, `outcomes ${theirs}, all were to be scored`);
  claim.check(
    status?.attempts === rows.attempts,
    `the status counts ${status?.attempts} attempts, there are ${rows.attempts}`,
  );
  claim.check(
    rows.notOne.length === 0,
    `not exactly one attempt and verdict: ${rows.notOne.slice(0, 5).join('; ')}`,
  );
}
