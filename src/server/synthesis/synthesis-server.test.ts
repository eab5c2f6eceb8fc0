import { afterEach, expect, it } from 'vitest';
import { PLANTED, plantedIn } from '../../../test/support/synthesis/fallible-generator.ts';
import { fallibleUpstreams } from '../../../test/support/synthesis/fallible-upstreams.ts';
import { FallibleUpstream } from '../../../test/support/synthesis/job-bed.ts';
import {
  aSynthesisPlan,
  JOB,
  JOB_OF_WORKER,
  SynthesisBed,
  workerPod,
} from '../../../test/support/synthesis/synthesis-bed.ts';
import { ClawError } from '../../base/error.ts';
import type { ModelHold } from '../../protocol/model-hold.ts';
import { SYNTHESIS_ROUTES } from '../../protocol/synthesis-api.ts';
import { readRecord } from '../../synthesis/record.ts';
import type { AskedModel } from '../upstreams/upstream-questions.ts';

const beds: SynthesisBed[] = [];
afterEach(async () => {
  for (const bed of beds.splice(0)) await bed[Symbol.asyncDispose]();
});

async function start(...options: Parameters<typeof SynthesisBed.start>): Promise<SynthesisBed> {
  const bed = await SynthesisBed.start(...options);
  beds.push(bed);
  return bed;
}

it('a worker over TLS takes every record to its end, each for its own reason', async () => {
  const it = await start(
    aSynthesisPlan(PLANTED.length, { target: PLANTED.length, parallelism: 6 }),
  );
  await it.work();
  const rows = (await it.bed.store.listSynthesisRecords(JOB)).map(readRecord);
  const ends = rows.map(({ number, stage, data }) => ({
    kind: plantedIn(number).kind,
    ends: data.rejection?.stage ?? stage,
    reason: data.rejection?.reason ?? '',
  }));
  expect(ends).toEqual(PLANTED);
  const state = await it.desk.state(JOB);
  const accepted = PLANTED.filter(({ ends: end }) => end === 'accepted').length;
  expect(state).toMatchObject({ accepted, records: PLANTED.length, open: 0, rounds: [] });
  expect(state.result).toMatchObject({ ended: 'RecordsExhausted' });
  const { tasks } = await it.bed.shelf.get(state.result?.taskSet ?? expect.fail('no task set'));
  expect(tasks).toHaveLength(accepted);
  // Candidates that are tried together share a batch.
  expect(
    Math.max(
      ...(await Promise.all(
        it.batches.map(async ({ taskSet }) => (await it.bed.shelf.get(taskSet)).tasks.length),
      )),
    ),
  ).toBeGreaterThan(1);
});

type Around = NonNullable<Parameters<SynthesisBed['work']>[0]>;

/** Gets so many requests through, and is then dead: the last one may have reached the server. */
function dying(requests: number, reached: boolean): Around {
  let left = requests;
  return (send) => async (outgoing) => {
    if (left < 0) throw new ClawError('Cancelled', 'killed');
    left -= 1;
    if (left >= 0) return await send(outgoing);
    if (reached) await send(outgoing);
    throw new ClawError('Cancelled', 'killed');
  };
}

/** Is killed after the request that ends the job, before its answer. */
const dyingAtItsEnd: Around = (send) => async (outgoing) => {
  const answer = await send(outgoing);
  if (outgoing.path !== SYNTHESIS_ROUTES.output) return answer;
  answer.resume();
  throw new ClawError('Cancelled', 'killed');
};

/**
 * Lives of a worker until one comes to its end or the job has its result: the killed one may have ended it,
 * and no other is let in after that. The number of kills.
 */
async function livesOf(it: SynthesisBed, around: (kills: number) => Around): Promise<number> {
  for (let kills = 0; ; ) {
    try {
      await it.work(around(kills));
      return kills;
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'Cancelled', message: 'killed' });
    }
    kills += 1;
    if ((await it.desk.state(JOB)).result !== undefined) return kills;
    if (kills % 3 === 0) await it.bed.restart();
  }
}

it('a worker killed again and again, and a server too, end with the same task set to the byte', async () => {
  const records = 4;
  const calm = await start(aSynthesisPlan(records));
  await calm.work();
  const killed = await start(aSynthesisPlan(records));
  const kills = await livesOf(killed, (life) => dying(6 + (life % 7) * 4, life % 2 === 1));
  expect(kills).toBeGreaterThan(3);
  const shape = async ({ bed }: SynthesisBed) =>
    (await bed.store.listSynthesisRecords(JOB)).map(({ number, revision, stage, data }) => [
      ...[number, revision, stage, data],
    ]);
  expect(await shape(killed)).toEqual(await shape(calm));
  const setOf = async ({ desk }: SynthesisBed) => (await desk.state(JOB)).result?.taskSet;
  expect(await setOf(killed)).toBe(await setOf(calm));
  expect(await setOf(killed)).toBeDefined();
});

it('a worker killed after the request that ends the job leaves a job that has ended', async () => {
  const it = await start(aSynthesisPlan(1));
  expect(await livesOf(it, () => dyingAtItsEnd)).toBe(1);
  expect((await it.desk.state(JOB)).result).toMatchObject({ ended: 'TargetReached' });
  await expect(it.work()).rejects.toMatchObject({ code: 'Fenced' });
});

it('sandboxes that fail are tried again and condemn nothing; what breaks the worker is told', async () => {
  const it = await start(aSynthesisPlan(1));
  let failing = 2;
  it.outcome = () => {
    failing -= 1;
    return failing >= 0 ? 'infra_error' : undefined;
  };
  await it.work();
  expect(await it.desk.state(JOB)).toMatchObject({ accepted: 1, records: 1 });
  const upstream = new FallibleUpstream();
  upstream.before = () => 401;
  const refused = await start(aSynthesisPlan(6), { upstreams: fallibleUpstreams(upstream) });
  await expect(refused.work()).rejects.toThrow('status 401');
  const { status } = await refused.bed.ask(
    'POST',
    SYNTHESIS_ROUTES.failure,
    await refused.token(),
    {
      ...{ code: 'UpstreamFailed', message: 'status 401' },
    },
  );
  expect(status).toBe(200);
  expect(await refused.desk.state(JOB)).toMatchObject({
    ...{ open: 6, failure: { code: 'UpstreamFailed', message: 'status 401' } },
  });
  upstream.before = () => undefined;
  await refused.work();
  const after = await refused.desk.state(JOB);
  expect([after.open, after.failure]).toEqual([0, undefined]);
});

it('a token budget ends a job with the tasks that it has, and a raised one lets it go on', async () => {
  const it = await start(aSynthesisPlan(4, { budgets: { records: 4, tokens: 1 } }));
  const { steering } = await it.desk.state(JOB);
  expect(steering).toEqual({ parallelism: 3, tokens: 1, records: 4 });
  await it.desk.steer(JOB, { parallelism: 2, records: 4 });
  await it.work();
  const { result, accepted } = await it.desk.state(JOB);
  expect([result?.ended, accepted]).toEqual(['RecordsExhausted', 2]);
  const poor = await start(aSynthesisPlan(4, { budgets: { records: 4, tokens: 1 } }));
  await poor.work();
  const end = (await poor.desk.state(JOB)).result;
  expect(end).toEqual({ ended: 'TokensExhausted', at: expect.any(Number) as number });
});

it.each<[string, object, object, number, string]>([
  ['a token of another audience', { audience: ['clawgym/rollout'] }, {}, 401, 'WrongAudience'],
  ['another service account', { serviceAccount: 'default' }, {}, 403, 'WrongServiceAccount'],
  ['a pod that has ended', {}, { phase: 'Failed' }, 403, 'PodEnded'],
  ['a pod of no Job', {}, { ownerKind: 'ReplicaSet' }, 403, 'NotOfAJob'],
])('%s reaches no job', async (_case, fields, pod, status, reason) => {
  const it = await start(aSynthesisPlan(1));
  it.bed.pods.put(workerPod(pod));
  for (const path of [SYNTHESIS_ROUTES.claim, SYNTHESIS_ROUTES.output]) {
    const answer = await it.bed.ask('POST', path, await it.token(fields), {});
    expect(answer).toMatchObject({ status, json: { reason } });
  }
});

it('a pod waits until its Job is told of, and one of another namespace is refused', async () => {
  const it = await start(aSynthesisPlan(1));
  const claim = async (fields = {}) =>
    await it.bed.ask('POST', SYNTHESIS_ROUTES.claim, await it.token(fields), {});
  it.bed.pods.put(workerPod({ jobUid: 'another' }));
  expect(await claim()).toMatchObject({ status: 409, json: { decision: 'wait' } });
  it.bed.pods.put(workerPod({ namespace: 'team-b' }));
  expect(await claim({ namespace: 'team-b' })).toMatchObject({
    ...{ status: 403, json: { reason: 'ForeignNamespace' } },
  });
  it.bed.pods.put(workerPod());
  expect(await claim()).toMatchObject({ status: 200, json: { job: JOB, name: 'sums' } });
  await it.desk.cancel(JOB, 'Deleted');
  expect(await claim()).toMatchObject({ status: 409, json: { code: 'Fenced' } });
});

it('a worker writes no row that does not follow, and asks for gates of no other task', async () => {
  const it = await start(aSynthesisPlan(1));
  await it.work();
  const again = await start(aSynthesisPlan(1));
  const [row] = await it.bed.store.listSynthesisRecords(JOB);
  const { job: _job, endedAt: _ended, ...given } = row ?? expect.fail('no record');
  const put = async (body: object) =>
    await again.bed.ask('PUT', '/synthesis/v1/records/1', await again.token(), body);
  expect(await put({ ...given, number: 2 })).toMatchObject({ status: 400 });
  expect(await put({ ...given, data: '{}' })).toMatchObject({ json: { code: 'Conflict' } });
  const first = { ...given, revision: 0, stage: 'trial' };
  const post = await again.bed.ask('POST', SYNTHESIS_ROUTES.records, await again.token(), first);
  expect(post.status).toBe(200);
  const second = { ...given, revision: 1, stage: 'trial' };
  expect([(await put(second)).status, (await put(second)).status]).toEqual([200, 200]);
  expect(await put({ ...second, stage: 'gates' })).toMatchObject({ json: { code: 'Conflict' } });
  expect(await put({ ...second, revision: 4 })).toMatchObject({ json: { code: 'Conflict' } });
  const asked = { number: 1, label: 'trial', task: '0'.repeat(64), runs: ['nop'], again: true };
  const gates = await again.bed.ask('POST', SYNTHESIS_ROUTES.gates, await again.token(), asked);
  expect(gates).toMatchObject({ status: 409, json: { code: 'Conflict' } });
  const output = await again.bed.ask('POST', SYNTHESIS_ROUTES.output, await again.token(), {});
  expect(output).toMatchObject({ status: 409, json: { code: 'Conflict' } });
});

it.each<[string, object, RegExp]>([
  [
    'an endpoint by address',
    {
      models: {
        generator: { name: 'm', upstream: { baseURL: 'http://x/v1' } },
        judge: { name: 'm', upstreamSecretRef: { name: 's' } },
      },
    },
    /spec\.models\.generator: a cluster reaches a model by upstreamSecretRef alone/,
  ],
  [
    'seeds of a path',
    { routes: { personas: { source: { path: 'x.jsonl' } } } },
    /spec\.routes\.personas\.source\.path .*use configMap/,
  ],
  [
    'compared tasks of a path',
    { novelty: { against: [{ path: 'x' }] } },
    /spec\.novelty\.against\[0\]\.path .*use digest/,
  ],
  [
    'compared tasks that are not stored',
    { novelty: { against: [{ digest: 'a'.repeat(64) }] } },
    /no task set a{64} is stored/,
  ],
  [
    'more personas than there are',
    { routes: { personas: { count: 999 } } },
    /spec\.routes\.personas\.count: got 999/,
  ],
])('a plan with %s is refused, and nothing is stored of it', async (_case, spec, words) => {
  const it = await start(undefined);
  await expect(it.desk.plan(JOB, aSynthesisPlan(1, spec))).rejects.toThrow(words);
  await expect(it.desk.state(JOB)).rejects.toMatchObject({ code: 'NotFound' });
});

it('a plan is idempotent, keeps its seeds, and refuses another specification', async () => {
  const texts = {
    personas: { place: 'ConfigMap a/people, key x', text: '{"id": "one", "persona": "A baker."}' },
    skills: {
      place: 'ConfigMap a/skills',
      texts: { cut: '---\nname: cut\ndescription: cuts\n---\nCut.' },
    },
  };
  const body = { ...aSynthesisPlan(1, { routes: { personas: {}, skills: {} } }), seeds: texts };
  const it = await start(body);
  await it.desk.plan(JOB, { ...body, seeds: {} });
  const run = await it.bed.store.synthesisRuns.synthesisRunOfWorker(JOB_OF_WORKER);
  const { sampling } = await it.bed.synthesis.worker.claim(run ?? expect.fail('no run'));
  expect(sampling.seeds.personas).toEqual([{ id: 'one', text: 'A baker.' }]);
  expect(sampling.seeds.skills).toEqual([{ id: 'cut', description: 'cuts', body: 'Cut.' }]);
  const other = aSynthesisPlan(1, { seed: 6, routes: { personas: {}, skills: {} } });
  await expect(it.desk.plan(JOB, other)).rejects.toThrow(/planned with another spec\.seed/);
  const bad = { personas: { place: 'ConfigMap a/people, key x', text: '{"id": 1}' } };
  const fresh = await start(undefined);
  await expect(fresh.desk.plan(JOB, { ...aSynthesisPlan(1), seeds: bad })).rejects.toThrow(
    /ConfigMap a\/people, key x:1: /,
  );
});

it('a model that refuses a first question is told for its role, and asked while nothing is at work', async () => {
  let hold: ModelHold | undefined = { reason: 'UpstreamRefused', message: 'status 401' };
  const asked: AskedModel[] = [];
  const look = (question: AskedModel) => {
    asked.push(question);
    return hold;
  };
  const upstream = new FallibleUpstream();
  upstream.before = () => 401;
  const upstreams = fallibleUpstreams(upstream);
  const it = await start(aSynthesisPlan(6), { upstreams, questions: { look } });
  const refused = {
    modelHold: { reason: 'UpstreamRefused', message: 'spec.models.generator: status 401' },
  };
  expect(await it.desk.state(JOB)).toMatchObject(refused);
  expect(asked[0]).toEqual({
    ...{ namespace: 'team-a', secret: 'lab', model: 'fallible', sampling: {}, tokens: false },
  });
  hold = undefined;
  expect(await it.desk.state(JOB)).not.toHaveProperty('modelHold');
  await expect(it.work()).rejects.toThrow('status 401');
  hold = { reason: 'UpstreamRefused', message: 'status 401' };
  const before = asked.length;
  const atWork = await it.desk.state(JOB);
  expect([atWork.records, atWork.modelHold, asked.length]).toEqual([6, undefined, before]);
  await it.desk.failed(JOB, { code: 'UpstreamFailed', message: 'status 401' });
  expect(await it.desk.state(JOB)).toMatchObject(refused);
});
