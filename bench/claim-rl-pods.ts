import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asBatchId, type Sha256 } from '../src/base/brand.ts';
import { systemClock } from '../src/base/clock.ts';
import { sha256 } from '../src/base/digest.ts';
import { ClawError } from '../src/base/error.ts';
import { AUDIENCES } from '../src/protocol/pod-contract.ts';
import type { RlState } from '../src/protocol/rl-api.ts';
import type { ResolveTasks } from '../src/server/training/rl/frozen-tasks.ts';
import { importModel } from '../src/training/model-artifact.ts';
import { readModel } from '../src/training/model-manifest.ts';
import { type Played, playBatch } from '../test/support/played-batch.ts';
import { SandboxBed } from '../test/support/sandbox-bed.ts';
import { Claim } from './support/claim.ts';
import { makeInputs } from './support/rl-bed.ts';
import { type Moment, playRlPod } from './support/rl-pod.ts';
import { Sampler } from './support/rl-sampler.ts';
import { trainerPython } from './support/trainer-python.ts';

/**
 * Claim lifecycle/13: the server's half of reinforcement in a cluster, with the real trainer and the real
 * sidecar. A pod is lost with its volumes after each part of the word about a batch, and the server is
 * started anew beside it: every batch is trained once, and the model has the weights of a run that nothing
 * disturbed. A real policy server answers with the model that each batch names; who plays sandboxes is
 * measured by claim lifecycle/5.
 */
const STEPS = 5;
const TASKS = ['a', 'b', 'c'];
const SET = sha256('task set');
const LOSSES: readonly (readonly [Moment, number])[] = [
  ['policy', 2],
  ['checkpoint', 3],
  ['trained', 4],
];
const LIMIT_MS = 420_000;

const SPEC = {
  rl: {
    ...{ steps: STEPS, tasks: { digest: SET }, groups: { perStep: 2, samples: 4 } },
    agent: { name: 'command', command: ['true'] },
    sampling: { temperature: '1.0', topP: '1' },
    // Its model never ends an answer by itself.
    algorithm: { cutAnswers: 'train' },
    evaluation: { everySteps: 2, samples: 1 },
  },
  ...{ hyper: { learningRate: '1e-3' }, context: { maxTokens: 64 } },
  ...{ deterministic: true, seed: 7 },
};

const folder = await mkdtemp(join(tmpdir(), 'clawgym-rl-pods-'));
const { python, path } = await trainerPython();
const sampler = new Sampler(folder, { python, path });

const resolve: ResolveTasks = async () => ({
  digest: SET,
  tasks: TASKS.map((id) => ({ task: { id } })),
});

type Wanted = NonNullable<RlState['wanted']>;

const number = (text: string, below: number): number =>
  Number.parseInt(sha256(text).slice(0, 8), 16) % below;

/** What the policy says to a task, and a score by what it said: the same weights give both again. */
async function played(bed: SandboxBed, wanted: Wanted, task: string, sample: number) {
  const { part, model } = wanted;
  const seed = number(`${part} ${task} ${sample}`, 1_000_000);
  const said = await sampler.sample(model, `say ${task}`, seed, bed.artifacts);
  const odd = said.ids.filter((id) => id % 2 === 1).length;
  return { task, score: odd / said.ids.length, calls: [said] };
}

async function play(bed: SandboxBed, uid: string, wanted: Wanted): Promise<void> {
  const { part, samples, taskIds = TASKS } = wanted;
  const rollouts: Played[] = [];
  for (const task of taskIds) {
    for (let sample = 0; sample < samples; sample += 1) {
      rollouts.push(await played(bed, wanted, task, sample));
    }
  }
  const batch = `${uid}-${part}`;
  await playBatch(asBatchId(batch), rollouts, bed.store, bed.artifacts);
  await bed.rl.batchMade(uid, part, batch);
}

/** What the operator does: batches for what is wanted, until the trainer is told that it is over. */
async function carry(bed: SandboxBed, uid: string, signal: AbortSignal): Promise<void> {
  const done = new Set<string>();
  while (!signal.aborted) {
    const { wanted, failure, over } = await bed.rl.state(uid);
    if (failure !== undefined) throw new ClawError('TrainingFailed', failure.message);
    if (over) return;
    if (wanted !== undefined && !done.has(wanted.part)) {
      done.add(wanted.part);
      await play(bed, uid, wanted);
    }
    await systemClock.sleep(50, signal).catch(() => undefined);
  }
}

interface End {
  readonly weights: string;
  readonly trained: readonly number[];
  readonly starts: number;
}

/** One run from its plan to its model. */
async function run(
  bed: SandboxBed,
  uid: string,
  base: Sha256,
  losses: typeof LOSSES,
): Promise<End> {
  const spec = { ...SPEC, base: { artifact: base } };
  const names = { namespace: 'team-a', name: 'rl' };
  await bed.training.plan(uid, { ...names, spec, base, image: `trainer@sha256:${base}` });
  const tasks = { kind: 'digest', digest: SET } as const;
  const left = losses.map(([moment, batch]) => `${moment} ${batch}`);
  const late = AbortSignal.timeout(LIMIT_MS);
  await bed.rl.plan(uid, { ...names, spec, base, tasks }, late);
  let stop = new AbortController();
  let carrying = carry(bed, uid, AbortSignal.any([stop.signal, late]));
  const isLost = (moment: Moment, batch: number): boolean => {
    const at = left.indexOf(`${moment} ${batch}`);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  };
  for (let starts = 1; !late.aborted; starts += 1) {
    const jobUid = `${uid}-job-${starts}`;
    bed.pods.put({ name: 'trainer-0', uid: 'pod-train', run: uid, jobUid });
    const { attempt } = await bed.training.state(uid);
    await bed.training.job(uid, attempt, jobUid);
    const token = () =>
      bed.mint.sign({
        audience: [AUDIENCES.training],
        pod: { name: 'trainer-0', uid: 'pod-train' },
      });
    const dir = await mkdtemp(join(folder, 'pod-'));
    const pod = { serverUrl: bed.origin, ca: bed.authority.certificate, token, dir, python, path };
    const exitCode = await playRlPod({ ...pod, isLost });
    if (exitCode === undefined) {
      process.stderr.write(`lost the pod of start ${starts}; ${left.length} more to lose\n`);
      // The server is started anew while nothing of the pod is left.
      stop.abort();
      await carrying;
      await bed.restart();
      await bed.training.ended(uid, { attempt, cause: 'lost', message: 'its node is gone' });
      stop = new AbortController();
      carrying = carry(bed, uid, AbortSignal.any([stop.signal, late]));
      continue;
    }
    await carrying;
    const { end } = await bed.training.ended(uid, { attempt, cause: 'exited', exitCode });
    if (end?.state !== 'complete') throw new ClawError('TrainingFailed', JSON.stringify(end));
    const { files } = await readModel(end.model, bed.artifacts);
    const weights = files.find((file) => file.path === 'model.safetensors')?.digest ?? '';
    const rows = await bed.store.listRlSteps(uid);
    const trained = rows.flatMap((row) => (row.trained === undefined ? [] : [row.step]));
    return { weights, trained, starts };
  }
  throw new ClawError('Timeout', 'the run did not end');
}

const claim = new Claim();
const began = performance.now();
const bed = await SandboxBed.start({ resolve });
try {
  await makeInputs(folder, python, path);
  // RUN_IN's own list of the files: a model has none.
  await rm(join(folder, 'in', 'model', 'manifest.json'));
  const record = { versions: {}, parents: [] };
  const { digest } = await importModel(join(folder, 'in', 'model'), record, bed.artifacts);
  const plain = await run(bed, 'plain', digest, []);
  const lost = await run(bed, 'lost', digest, LOSSES);
  claim.check(plain.trained.length === STEPS, `undisturbed: trained ${plain.trained.join(' ')}`);
  claim.check(lost.trained.length === STEPS, `disturbed: trained ${lost.trained.join(' ')}`);
  claim.check(lost.starts === LOSSES.length + 1, `${lost.starts} starts`);
  claim.check(plain.weights !== '' && plain.weights === lost.weights, 'the weights differ');
  const seconds = Math.round((performance.now() - began) / 1000);
  claim.finish(
    `${LOSSES.length} pods lost with their volumes and the server started anew each time: ${lost.trained.length} batches trained once each, same weights as undisturbed, ${seconds} s`,
  );
} finally {
  await sampler[Symbol.asyncDispose]();
  await bed[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}
