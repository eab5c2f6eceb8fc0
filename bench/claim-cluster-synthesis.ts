import { parseArgs } from 'node:util';
import { z } from 'zod';
import { parseJson } from '../src/base/brand.ts';
import { clusterEnvironment } from '../test/cluster/cluster-environment.ts';
import { NodeLayer } from '../test/cluster/node/node-layer.ts';
import { waitUntil } from '../test/cluster/wait-until.ts';
import { ensureImages } from '../test/support/images.ts';
import { Installation } from '../test/support/installation.ts';
import { PLANTED, plantedIn } from '../test/support/synthesis/fallible-generator.ts';
import { Claim } from './support/claim.ts';
import { claimLayer, timed } from './support/cluster.ts';
import { startModelPod } from './support/recorded-model-pod.ts';

/**
 * Claim lifecycle/7: a SynthesisJob on a real cluster, installed by the chart: its records are planted with
 * known defects, gates run as RolloutBatches in sandbox pods, the worker is killed, and a
 * RolloutBatch that was waiting runs the accepted tasks.
 */
const { values } = parseArgs({
  options: {
    records: { type: 'string', default: String(PLANTED.length) },
    kills: { type: 'string', default: '3' },
  },
});
const RECORDS = Number(values.records);
const KILLS = Number(values.kills);
const RUN_SECONDS = 1500;
/** Between two kills: a pod is to get some work done. */
const PAUSE_MS = 12_000;

const zJob = z.looseObject({
  status: z.looseObject({
    accepted: z.number().default(0),
    records: z.number().default(0),
    rejections: z.array(z.looseObject({ reason: z.string(), count: z.number() })).default([]),
    taskSet: z.string().optional(),
    conditions: z.array(
      z.looseObject({ type: z.string(), status: z.string(), message: z.string() }),
    ),
  }),
});
const zPods = z.looseObject({
  items: z.array(
    z.looseObject({
      metadata: z.looseObject({ name: z.string() }),
      status: z.looseObject({ phase: z.string().optional() }),
    }),
  ),
});
const zBatch = z.looseObject({
  status: z.looseObject({
    outcomes: z.array(z.looseObject({ outcome: z.string(), count: z.number() })).default([]),
    rollouts: z.looseObject({ planned: z.number() }),
    taskSet: z.string(),
  }),
});

const claim = new Claim();
const say = (line: string): void => void process.stderr.write(`${line}\n`);
await using owned = await claimLayer('node');
const { signal } = new AbortController();
await using layer = new NodeLayer(owned.cluster, { env: clusterEnvironment().env, signal });
await ensureImages(layer, ['operator', 'server', 'runner']);
await using installation = await Installation.open(owned.cluster, 'synthesis');
await startModelPod(installation, 'fallible-model-server.ts', '', { name: 'lab' });
const model = { name: 'fallible', upstreamSecretRef: { name: 'lab' } };
// Who waits for the tasks may be there before anybody makes them.
await create('RolloutBatch', 'waiting', {
  tasks: { synthesisJob: { name: 'sums' } },
  agent: { name: 'solution' },
});
const [seconds, kills] = await timed(async () => {
  await create('SynthesisJob', 'sums', {
    ...{ target: RECORDS, seed: 11, routes: { personas: {}, skills: {} } },
    ...{ models: { generator: model, judge: model }, budgets: { records: RECORDS } },
  });
  const killing = killWorkers();
  await installation.finished('synthesisjob', 'sums', RUN_SECONDS);
  return await killing;
});
const { status } = zJob.parse(await installation.get('synthesisjob', 'sums'));
const planted = Array.from({ length: RECORDS }, (_, index) => plantedIn(index + 1));
const sound = planted.filter(({ ends }) => ends === 'accepted').length;
claim.check(status.accepted === sound, `${status.accepted} tasks are accepted, ${sound} are sound`);
claim.check(status.records === RECORDS, `${status.records} records were begun, not ${RECORDS}`);
const reasons = countBy(planted.flatMap(({ reason }) => (reason === '' ? [] : [reason])));
const said = new Map(status.rejections.map(({ reason, count }) => [reason, count]));
for (const [reason, count] of reasons)
  claim.check(
    said.get(reason) === count,
    `${said.get(reason)} rejected for ${reason}, not ${count}`,
  );
claim.check(kills === KILLS, `only ${kills} of ${KILLS} kills fell into the job`);
await installation.finished('rolloutbatch', 'waiting', RUN_SECONDS);
const batch = zBatch.parse(await installation.get('rolloutbatch', 'waiting')).status;
claim.check(
  batch.taskSet === status.taskSet,
  'the batch ran another task set than the accepted one',
);
claim.check(
  batch.rollouts.planned === sound,
  `the batch planned ${batch.rollouts.planned} rollouts`,
);
const scored = batch.outcomes.find(({ outcome }) => outcome === 'scored')?.count;
claim.check(scored === sound, `${scored} of ${sound} accepted tasks were scored`);
claim.finish(
  `${RECORDS} of ${PLANTED.length} plants: ${sound} tasks accepted, ${RECORDS - sound} rejected for the planted reasons, ${kills} kills of the worker, and a waiting batch ran the tasks; ${Math.round(seconds)} s`,
);

async function create(kind: string, name: string, spec: object): Promise<void> {
  const object = { apiVersion: 'clawgym.io/v1alpha1', kind, metadata: { name }, spec };
  await installation.kubectl(['create', '--filename', '-'], JSON.stringify(object));
}

/** Ends the pod of the worker without a word, as often as is asked for and while there is work. */
async function killWorkers(): Promise<number> {
  const selector = ['--selector', 'app.kubernetes.io/name=clawgym-synthesis'];
  for (let kill = 0; kill < KILLS; kill += 1) {
    let running: string | undefined;
    await waitUntil(
      async () => {
        const pods = zPods.parse(
          parseJson(await installation.kubectl(['get', 'pods', ...selector, '-o', 'json'])),
        );
        running = pods.items.find(({ status: { phase } }) => phase === 'Running')?.metadata.name;
        const job = zJob.safeParse(await installation.get('synthesisjob', 'sums')).data;
        const over = job?.status.taskSet !== undefined;
        return running !== undefined || over;
      },
      { what: 'a worker runs', seconds: 300 },
    );
    if (running === undefined) return kill;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const now = zJob.parse(await installation.get('synthesisjob', 'sums'));
    if (now.status.taskSet !== undefined) return kill;
    say(`kill ${kill + 1}: ${running}, ${now.status.records} records begun`);
    const force = ['--grace-period=0', '--force', '--wait=true', '--ignore-not-found'];
    await installation.kubectl(['delete', 'pod', running, ...force]);
  }
  return KILLS;
}

function countBy(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
