import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { trainingRun } from '../src/api/training-run.ts';
import { asSha256 } from '../src/base/brand.ts';
import { readModel } from '../src/training/model-manifest.ts';
import { waitUntil } from '../test/cluster/wait-until.ts';
import { Claim } from './support/claim.ts';
import { timed } from './support/cluster.ts';
import { openTrainingBed } from './support/training-bed.ts';

/**
 * Claim lifecycle/9: a TrainingRun trains a real model in a pod of a real node. One whose trainer is
 * killed in the middle goes on in another pod, from the checkpoint in the store, and ends with the weights
 * of one that was left alone.
 */
/** Long enough that a checkpoint shows while there is still something to lose. */
const STEPS = 1200;
const EVERY = 50;
const RUN_SECONDS = 400;
const NAMESPACE = 'training';

const zRun = z.object({ status: trainingRun.status.optional() });
const claim = new Claim();
const say = (line: string): void => void process.stderr.write(`${line}\n`);

await using bed = await openTrainingBed(NAMESPACE);
const { installation, base, data, image, server } = bed;
const metadata = (name: string) => ({ name, namespace: NAMESPACE });
const apiVersion = 'clawgym.io/v1alpha1';
const runtime = {
  ...{ apiVersion, kind: 'TrainingRuntime', metadata: metadata('cpu') },
  spec: {
    contract: 'sft/v1',
    capabilities: { methods: ['full'], cpu: true },
    trainer: { image, resources: { cpu: '500m', memory: '3Gi' } },
  },
};
const runOf = (name: string) => ({
  ...{ apiVersion, kind: 'TrainingRun', metadata: metadata(name) },
  spec: {
    runtimeRef: { kind: 'TrainingRuntime', name: 'cpu' },
    base: { artifact: base },
    data: { artifact: data },
    context: { maxTokens: 256 },
    hyper: { learningRate: '3e-3', maxSteps: STEPS, globalBatch: 8, microBatch: 8 },
    ...{ seed: 7, deterministic: true },
    checkpoint: { everySteps: EVERY, graceSeconds: 20 },
  },
});
const create = async (object: object): Promise<string> =>
  await installation.kubectl(['create', '--filename', '-'], JSON.stringify(object));
const statusOf = async (name: string) =>
  zRun.parse(await installation.get('trainingrun', name)).status;

await create(runtime);
for (const name of ['killed', 'calm']) await create(runOf(name));
let killedAfter = 0;
const [disturbed] = await timed(async () => {
  const what = `TrainingRun killed hands in its checkpoint of step ${EVERY}`;
  await waitUntil(
    async () => {
      const status = await statusOf('killed');
      killedAfter = status?.checkpoint?.step ?? 0;
      return killedAfter > 0 || status?.completionTime !== undefined;
    },
    { what, seconds: RUN_SECONDS },
  );
  claim.check(killedAfter > 0, 'it was over before a checkpoint showed: more steps are needed');
  const pids = trainersOf('killed-');
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  say(`killed ${pids.length} trainer after a checkpoint of step ${killedAfter}`);
  claim.check(pids.length === 1, `expected one trainer, found ${pids.length}`);
  await installation.finished('trainingrun', 'killed', RUN_SECONDS);
});
const killed = await statusOf('killed');
say(JSON.stringify(killed, null, 1));
await installation.finished('trainingrun', 'calm', RUN_SECONDS);
const calm = await statusOf('calm');
say(await installation.kubectl(['get', 'trainingruns']));

claim.check(killed?.restarts?.failures === 1, `restarts: ${JSON.stringify(killed?.restarts)}`);
claim.check(calm?.restarts === undefined, `calm: restarts ${JSON.stringify(calm?.restarts)}`);
for (const [name, status] of Object.entries({ killed, calm })) {
  claim.check(status?.step === STEPS, `${name}: step ${status?.step}, expected ${STEPS}`);
}
const weights = await Promise.all([killed, calm].map((status) => weightsOf(status?.model?.digest)));
claim.check(
  weights[0] !== '' && weights[0] === weights[1],
  `weights differ: ${weights.join(', ')}`,
);
const loss = `loss ${calm?.loss}`;
claim.finish(
  `${STEPS} steps in a pod, ${loss}; killed after a checkpoint of step ${killedAfter}, it goes on in another pod (${disturbed.toFixed(0)} s): the same weights`,
);

async function weightsOf(model: string | undefined): Promise<string> {
  if (model === undefined) return '';
  const { files } = await readModel(asSha256(model), server);
  return files.find(({ path }) => path.endsWith('.safetensors'))?.digest ?? '';
}

/** Processes of this host that train in a pod of that name, of the cluster that this script started. */
function trainersOf(pod: string): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const read = (file: string): string => {
      try {
        return readFileSync(`/proc/${name}/${file}`, 'utf8');
      } catch {
        return '';
      }
    };
    const trains = read('cmdline').includes('clawgym_trainer.sft');
    const inPod = read('environ')
      .split('\0')
      .some((line) => line.startsWith(`HOSTNAME=${pod}`));
    return trains && inPod ? [Number(name)] : [];
  });
}
