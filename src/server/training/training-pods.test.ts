import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SandboxBed } from '../../../test/support/sandbox-bed.ts';
import { playTrainingPod } from '../../../test/support/training/played-trainer.ts';
import { fakeExport, fakeModel } from '../../../test/support/training-bed.ts';
import { asSha256, type Sha256 } from '../../base/brand.ts';
import { AUDIENCES } from '../../protocol/pod-contract.ts';
import type { PlanTrainingBody } from '../../protocol/training-api.ts';
import { TRAINING_ROUTES } from '../../protocol/training-pod-api.ts';
import { importModel } from '../../training/model-artifact.ts';
import { readModel } from '../../training/model-manifest.ts';
import { readTraining } from './training-row.ts';

const RUN = 'run-uid-1';
const IMAGE = `trainer@sha256:${'a'.repeat(64)}`;

let bed: SandboxBed;
let base: Sha256;
let data: Sha256;
beforeEach(async () => {
  bed = await SandboxBed.start();
  const dir = await fakeModel(join(bed.folder, 'model'));
  base = (await importModel(dir, { versions: {}, parents: [] }, bed.artifacts)).digest;
  data = asSha256(await fakeExport(bed.artifacts));
});
afterEach(async () => {
  await bed[Symbol.asyncDispose]();
});

const plan = (spec: object = {}): PlanTrainingBody => ({
  ...{ namespace: 'team-a', name: 'sft', base, image: IMAGE },
  data: { kind: 'artifact', digest: data },
  spec: {
    base: { artifact: base },
    data: { artifact: data },
    hyper: { maxSteps: 8 },
    checkpoint: { everySteps: 2 },
    retries: { failures: 1 },
    ...spec,
  },
});

const token = (fields: object = {}): Promise<string> =>
  bed.mint.sign({
    audience: [AUDIENCES.training],
    pod: { name: 'trainer-0', uid: 'pod-train' },
    ...fields,
  });

const putPod = (fields: object = {}): void =>
  bed.pods.put({ name: 'trainer-0', uid: 'pod-train', run: RUN, jobUid: 'job-1', ...fields });

/** One start on a machine of its own. */
async function start(jobUid: string, more: { fault?: string; stops?: boolean } = {}) {
  putPod({ jobUid });
  const dir = await mkdtemp(join(bed.folder, 'pod-'));
  const { attempt } = await bed.training.state(RUN);
  await bed.training.job(RUN, attempt, jobUid);
  const ca = bed.authority.certificate;
  const pod = { serverUrl: bed.origin, ca, token: () => token(), dir };
  const exitCode = await playTrainingPod({ ...pod, ...more });
  const state = await bed.training.ended(RUN, { attempt, cause: 'exited', exitCode });
  return { exitCode, state, out: join(dir, 'out') };
}

const weightsOf = async (model: Sha256): Promise<string> => {
  const { files } = await readModel(model, bed.artifacts);
  return files.find(({ path }) => path === 'model.safetensors')?.digest ?? '';
};

it('a run that is killed goes on in another pod, and ends with the weights of one that was not', async () => {
  await bed.training.plan(RUN, plan());
  const killed = await start('job-1', { fault: 'kill@5' });
  expect(killed).toMatchObject({
    exitCode: 137,
    state: { attempt: 2, restarts: { failures: 1 }, checkpoint: { step: 4 } },
  });
  const stopped = await start('job-2', { fault: 'slow:300', stops: true });
  expect(stopped).toMatchObject({
    exitCode: 143,
    state: { attempt: 3, restarts: { disruptions: 1 } },
  });
  const { step = 0 } = stopped.state.checkpoint ?? {};
  expect(step).toBeGreaterThan(4);
  const done = await start('job-3');
  // No step was lost, and none done twice.
  expect(await readFile(join(done.out, 'starts'), 'utf8')).toBe(`${step}\n`);
  const { end, progress, rows } = done.state;
  expect(progress).toMatchObject({ step: 8, totalSteps: 8, tokens: 80 });
  expect(rows).toEqual({ in: 2, kept: 2, dropped: 0, cut: 1 });
  if (end?.state !== 'complete') throw new Error('not complete');
  const { record } = await readModel(end.model, bed.artifacts);
  expect(record).toMatchObject({ run: 'sft', image: IMAGE, data, parents: [base], steps: 8 });

  await bed.training.plan('run-uid-2', plan());
  await bed.training.job('run-uid-2', 1, 'job-9');
  bed.pods.put({ name: 'trainer-0', uid: 'pod-train', run: 'run-uid-2', jobUid: 'job-9' });
  const dir = await mkdtemp(join(bed.folder, 'pod-'));
  const ca = bed.authority.certificate;
  await playTrainingPod({ serverUrl: bed.origin, ca, token: () => token(), dir });
  const undisturbed = (await bed.training.state('run-uid-2')).end;
  if (undisturbed?.state !== 'complete') throw new Error('not complete');
  expect(await weightsOf(end.model)).toBe(await weightsOf(undisturbed.model));
  // What was put and nothing names any more may be swept: the checkpoints.
  const left = await bed.store.trainingUploads(RUN);
  const { files } = await readModel(end.model, bed.artifacts);
  expect([...left].toSorted()).toEqual([...new Set(files.map(({ digest }) => digest))].toSorted());
}, 60_000);

it('a run whose data is bad fails at once, in the words of its trainer', async () => {
  await bed.training.plan(RUN, plan());
  const { state } = await start('job-1', { fault: 'exit@0:2' });
  expect(state.end).toMatchObject({
    ...{ state: 'failed', reason: 'BadInput' },
    message: expect.stringContaining('told to end with 2') as unknown,
  });
});

it('a run that failed lets its checkpoint go, and still says how far it came', async () => {
  await bed.training.plan(RUN, plan());
  await start('job-1', { fault: 'kill@5' });
  expect((await bed.store.trainingUploads(RUN)).size).toBeGreaterThan(0);
  const late = { reason: 'DeadlineExceeded', message: 'too late' };
  const state = await bed.training.cancel(RUN, late);
  expect(state).toMatchObject({ end: { state: 'failed' }, checkpoint: { step: 4 } });
  const row = await bed.store.getTraining(RUN);
  expect(row && readTraining(row).data.checkpoint).toEqual({ step: 4, files: [] });
  expect(await bed.store.trainingUploads(RUN)).toEqual(new Set());
}, 60_000);

it.each<[string, (body: PlanTrainingBody) => PlanTrainingBody, RegExp]>([
  [
    'a base that is not in the store',
    (body) => ({ ...body, base: asSha256('b'.repeat(64)) }),
    /: spec\.base: model sha256:b+ is not in the store of the server; import it with: .* --namespace \S+, /,
  ],
  [
    'data that is no export',
    (body) => ({ ...body, data: { kind: 'artifact', digest: base } }),
    /is no manifest of messages-tools/,
  ],
  [
    'a batch that was never planned',
    (body) => ({ ...body, data: { kind: 'batches', batches: [{ name: 'teacher', uid: 'x' }] } }),
    /RolloutBatch team-a\/teacher .* was never planned here/,
  ],
  [
    'a spec that is none',
    (body) => ({ ...body, spec: { base: {} } }),
    /TrainingRun sft: .*exactly one of/s,
  ],
])('%s is refused, and nothing is kept', async (_, change, message) => {
  await expect(bed.training.plan(RUN, change(plan()))).rejects.toThrow(message);
  expect(await bed.store.getTraining(RUN)).toBeUndefined();
});

const { claim: CLAIM, put: PUT, checkpoint: CHECKPOINT } = TRAINING_ROUTES;

it.each<[string, object, object, string]>([
  ['a token of a rollout pod', {}, { audience: [AUDIENCES.rollout] }, 'WrongAudience'],
  ['another service account', {}, { serviceAccount: 'default' }, 'WrongServiceAccount'],
  ['a pod of a start before', { jobUid: 'job-0' }, {}, 'ForeignOwner'],
  ['a pod that has ended', { phase: 'Failed' }, {}, 'PodEnded'],
  ['a pod that no Job controls', { ownerKind: 'ReplicaSet' }, {}, 'NotOfAJob'],
  ['a pod that names another run', { run: 'other' }, {}, 'UnknownJob'],
])('%s gets and gives nothing', async (_, pod, fields, reason) => {
  await bed.training.plan(RUN, plan());
  await bed.training.job(RUN, 1, 'job-1');
  putPod(pod);
  for (const [method, path] of [
    ['POST', CLAIM],
    ['PUT', PUT],
  ] as const) {
    const body = method === 'PUT' ? Buffer.from('x') : undefined;
    const answer = await bed.ask(method, path, await token(fields), body);
    expect(answer).toMatchObject({ json: { reason } });
    expect([401, 403]).toContain(answer.status);
  }
});

it('a pod waits until the operator has told of its Job, reads what its run names and names what it put', async () => {
  await bed.training.plan(RUN, plan());
  putPod();
  expect(await bed.ask('POST', CLAIM, await token())).toMatchObject({
    ...{ status: 409, json: { decision: 'wait' } },
  });
  await bed.training.job(RUN, 1, 'job-1');
  const secret = await bed.artifacts.put(Buffer.from('of another namespace'));
  const path = TRAINING_ROUTES.artifact.replace(':digest', secret.digest);
  expect(await bed.ask('GET', path, await token())).toMatchObject({ status: 403 });
  const files = [{ path: 'weights', size: secret.size, sha256: secret.digest }];
  expect(await bed.ask('POST', CHECKPOINT, await token(), { step: 1, files })).toMatchObject({
    status: 400,
    json: { message: expect.stringContaining('NotPut') as unknown },
  });
});

it('a run that was cancelled takes nothing any more', async () => {
  await bed.training.plan(RUN, plan());
  await bed.training.job(RUN, 1, 'job-1');
  putPod();
  await bed.training.cancel(RUN, { reason: 'DeadlineExceeded', message: 'too late' });
  const answer = await bed.ask('POST', CLAIM, await token());
  expect(answer).toMatchObject({ status: 409, json: { decision: 'wait' } });
});
