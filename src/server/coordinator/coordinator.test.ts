import { MockAgent } from 'undici';
import { beforeEach, describe, expect, it } from 'vitest';
import { aPlanBody, aTask, endedWell } from '../../../test/support/cluster-batches.ts';
import { anEndedContainer } from '../../../test/support/pod-facts.ts';
import { startScripted, UID, well } from '../../../test/support/scripted-bed.ts';
import type { ClusterScript, ScriptedCluster } from '../../../test/support/scripted-cluster.ts';
import { asBatchId, asRolloutId, asSha256, parseJson } from '../../base/brand.ts';
import { BATCH_DELETED } from '../../protocol/operator-api.ts';

const ID = asBatchId(UID);
const FIRST = asRolloutId(`${UID}/one/0`);

let cluster: ScriptedCluster;
beforeEach(async () => {
  cluster = await startScripted();
});

function bodyOf(name: string): Record<string, unknown> {
  return (aTask(name).task as { readonly task: Record<string, unknown> }).task;
}

describe('a batch in a cluster', () => {
  it('goes from its plan to its results', async () => {
    const planned = await cluster.plan(UID, aPlanBody({ spec: { samples: 2 } }));
    expect(planned).toMatchObject({ planned: 4, pending: 4, decided: 0, jobs: [] });
    expect(planned.waiting).toEqual([
      { count: 4, shape: expect.objectContaining({ phase: 'rollout', image: 'runner' }) },
    ]);
    await expect(cluster.open.coordinator.finish(UID)).rejects.toThrow('4 rollouts');

    const state = await cluster.drive(UID, well);
    expect(state).toMatchObject({
      decided: 4,
      outcomes: { scored: 4 },
      missingRate: '0.0000',
      decidedIndexes: '0-3',
      failedIndexes: '',
      attempts: 4,
      infraFailures: 0,
      waiting: [],
      jobs: [],
      generations: { rollout: 1, verify: 1 },
    });
    const results = await cluster.open.coordinator.finish(UID);
    expect(await cluster.open.coordinator.finish(UID)).toBe(results);
    const lines = Buffer.from(await cluster.artifacts.read(results))
      .toString()
      .trim()
      .split('\n');
    expect(lines.map(parseJson)).toMatchObject(
      ['one', 'two', 'one', 'two'].map((task) => ({
        task,
        outcome: 'scored',
        checks: [['there', 0.5]],
        attempt: 1,
      })),
    );
  });

  it('scores a rubric as a local run does while there is no judge: not at all, and it says so', async () => {
    const rubric = [{ name: 'tone', text: 'It is polite.' }];
    const both = { name: 'both', task: { task: { ...bodyOf('both'), rubric } } };
    const { verifier: _none, ...judged } = bodyOf('judged');
    const alone = { name: 'judged', task: { task: { ...judged, rubric } } };
    const planned = await cluster.plan(UID, aPlanBody({ tasks: [both, alone] }));
    expect(planned).toMatchObject({ planned: 2, notGradable: 1 });
    expect(planned.notGradableReasons).toEqual({ NeedsJudge: 1 });
    await cluster.drive(UID, well);
    const rows = await cluster.store.listRollouts(ID);
    const told = rows.map(({ taskId, decision }) => [taskId, decision?.outcome, decision?.reason]);
    expect(told).toEqual([
      ['both', 'scored', ''],
      ['judged', 'not_gradable', 'NeedsJudge'],
    ]);
    const decision = rows.find(({ taskId }) => taskId === 'both')?.decision;
    expect(decision?.score).toMatchObject({ native: 0.5, rubric: null, final: 0.5 });
    expect(decision?.findings).toEqual([
      { code: 'RubricNotJudged', message: expect.stringContaining('30% of its weight') },
    ]);
  });

  it('answers a repeated plan from what is stored and refuses another spec', async () => {
    const first = await cluster.plan(UID, aPlanBody());
    await cluster.restart();
    expect(await cluster.plan(UID, aPlanBody({ spec: { parallelism: 3 } }))).toEqual(first);
    await expect(cluster.plan(UID, aPlanBody({ agent: { name: 'lazy' } }))).rejects.toThrow(
      'spec.agent',
    );
    const retries = { infraRetries: 9 };
    await expect(cluster.plan(UID, aPlanBody({ spec: { retries } }))).rejects.toThrow(
      'spec.retries',
    );
    const drifted = await cluster.plan(UID, aPlanBody({ tasks: [aTask('one')] }));
    expect(drifted).toMatchObject({ taskSet: first.taskSet, planned: 2 });
    expect(drifted.sourceNow).not.toBe(first.taskSet);
    expect((await cluster.plan(UID, aPlanBody())).sourceNow).toBeUndefined();
  });

  it('reads a slow source once, however often its plan is asked for meanwhile', async () => {
    const [host, digest] = ['tasks.example', asSha256('0'.repeat(64))];
    const mock = new MockAgent();
    let asked = 0;
    mock
      .get(`https://${host}`)
      .intercept({ path: '/set.tar' })
      .reply(() => {
        asked += 1;
        return { statusCode: 503 };
      })
      .persist();
    cluster.download = { hosts: new Set([host]), maxBytes: 1024, dispatcher: mock };
    await cluster.restart();
    const source = { kind: 'url', url: `https://${host}/set.tar`, digest } as const;
    const ask = () => cluster.plan(UID, { ...aPlanBody(), source: { ...source } });
    const answers = await Promise.allSettled([ask(), ask(), ask()]);
    expect(answers.map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
    expect(asked).toBe(1);
    await expect(ask()).rejects.toThrow('503');
    expect(asked).toBe(2);
  });

  it('leaves room for the headers of every entry that a kept workspace may have', async () => {
    const limits = { snapshotMiB: 1, snapshotEntries: 100_000 };
    const planned = await cluster.plan(UID, aPlanBody({ spec: { limits } }));
    const mib = (bytes: number) => Math.ceil(bytes / (1024 * 1024));
    const archive = mib(1024 * 1024 + 100_001 * 3 * 1024);
    expect(planned.waiting[0]?.shape.snapshotMiB).toBe(archive);
    const state = await cluster.drive(UID, well);
    expect(state.decided).toBe(2);
    const [, verify] = await cluster.store.listJobs(ID);
    expect(verify?.shape).toMatchObject({ phase: 'verify', snapshotMiB: archive });
    expect(verify?.shape.diskMiB).toBeGreaterThanOrEqual(mib(1024 * 1024 + 100_000 * 4096));
  });

  it('gives a Job the same rows under the same name, after a restart too', async () => {
    const { waiting } = await cluster.plan(UID, aPlanBody());
    const ask = { name: 'job-1', shapeId: waiting[0]?.shape.id ?? '', generation: 1, max: 1 };
    const job = await cluster.open.coordinator.newJob(UID, ask);
    await cluster.restart();
    expect(await cluster.open.coordinator.newJob(UID, { ...ask, max: 9 })).toEqual(job);
    const state = await cluster.open.coordinator.state(UID);
    expect(state.jobs).toEqual([job]);
    expect(state.waiting).toEqual([{ count: 1, shape: job.shape }]);
    await cluster.open.coordinator.jobOver(UID, 'job-1', 'lost');
    expect(await cluster.open.coordinator.state(UID)).toMatchObject({
      jobs: [],
      waiting: [{ count: 2 }],
      generations: { rollout: 1 },
    });
  });

  it('decides every rollout that is not decided yet when it is cancelled', async () => {
    await cluster.plan(UID, aPlanBody());
    await cluster.open.coordinator.cancel(UID, 'DeadlineExceeded');
    await cluster.open.coordinator.cancel(UID, 'Again');
    const state = await cluster.open.coordinator.state(UID);
    expect(state).toMatchObject({ outcomes: { cancelled: 2 }, failedIndexes: '0-1', waiting: [] });
    const [row] = await cluster.store.listRollouts(ID);
    expect(row?.decision).toMatchObject({ outcome: 'cancelled', reason: 'DeadlineExceeded' });
  });

  it('names a batch as open until it is decided, and ends the Jobs of one that was deleted', async () => {
    const { waiting } = await cluster.plan(UID, aPlanBody());
    const { namespace, name } = aPlanBody();
    const ask = { name: 'job-1', shapeId: waiting[0]?.shape.id ?? '', generation: 1, max: 9 };
    await cluster.open.coordinator.newJob(UID, ask);
    await cluster.restart();
    expect(await cluster.open.coordinator.openBatches()).toEqual([{ uid: UID, namespace, name }]);
    await cluster.open.coordinator.cancel(UID, BATCH_DELETED);
    expect(await cluster.open.coordinator.openBatches()).toEqual([]);
    expect(await cluster.open.coordinator.state(UID)).toMatchObject({
      ...{ outcomes: { cancelled: 2 }, jobs: [], waiting: [] },
    });
    expect(await cluster.store.listJobs(ID, { live: true })).toEqual([]);
  });
});

describe('what becomes of attempts', () => {
  type Ending = Awaited<ReturnType<ClusterScript['agent']>>;
  const failing = (times: number, ending: Ending) => {
    let tries = 0;
    const agent: ClusterScript['agent'] = async (grant, on) => {
      tries += 1;
      return tries <= times ? ending : await well.agent(grant, on);
    };
    return { ...well, agent };
  };
  const one = aPlanBody({ tasks: [aTask('one')] });
  const taken = { evidence: { phase: 'Failed', disruption: 'PreemptionByScheduler' } } as const;
  const deadline = { phase: 'Failed', reason: 'DeadlineExceeded' } as const;
  const ranUntil = (finishedAt: string) => anEndedContainer('agent', { exitCode: 143, finishedAt });
  const unserved = anEndedContainer('stage', { exitCode: 43 });
  const noSnapshot: Ending = {
    evidence: { phase: 'Succeeded', containers: [anEndedContainer('agent')] },
  };

  it.each([
    [
      'disruptions do not use up retries',
      failing(5, taken),
      { outcomes: { scored: 1 }, disruptions: 5 },
    ],
    [
      'a server that went away while stage worked uses up no retry',
      failing(5, { evidence: { phase: 'Failed', containers: [unserved] } }),
      { outcomes: { scored: 1 }, disruptions: 5, infraFailures: 0 },
    ],
    [
      'infrastructure failures are retried twice',
      failing(2, noSnapshot),
      { outcomes: { scored: 1 }, infraFailures: 2 },
    ],
    [
      'a workspace that never comes is held against the agent',
      failing(9, noSnapshot),
      { outcomes: { agent_error: 1 }, attempts: 3 },
    ],
    [
      'a disk filled by the agent is decided at the first try',
      failing(1, {
        evidence: {
          phase: 'Failed',
          reason: 'Evicted',
          message: 'Usage of EmptyDir volume "workspace" exceeds the limit "64Mi". ',
        },
      }),
      { outcomes: { agent_error: 1 }, attempts: 1, missingRate: '0.0000' },
    ],
    [
      "the deadline of the pod is the agent's time-out",
      failing(1, { evidence: { ...deadline, containers: [ranUntil('2026-01-02T00:00:00Z')] } }),
      { outcomes: { agent_timeout: 1 }, attempts: 1 },
    ],
    [
      'an agent that began too late for its pod is tried again',
      failing(1, { evidence: { ...deadline, containers: [ranUntil('2026-01-01T00:30:05Z')] } }),
      { outcomes: { scored: 1 }, attempts: 2, infraFailures: 1 },
    ],
  ] as const)('%s', async (_name, script, expected) => {
    await cluster.plan(UID, one);
    expect(await cluster.drive(UID, script)).toMatchObject({ decided: 1, ...expected });
  });

  it('keeps a workspace whose wrapper left no report, and takes the exit code of its pod', async () => {
    await cluster.plan(UID, one);
    const agent: ClusterScript['agent'] = async (_grant, on) => {
      const { agent: _none, ...report } = await endedWell(on);
      const containers = [anEndedContainer('agent', { exitCode: 137, reason: 'OOMKilled' })];
      return { report, evidence: { phase: 'Failed', containers } };
    };
    expect(await cluster.drive(UID, { ...well, agent })).toMatchObject({
      outcomes: { agent_error: 1 },
    });
    const [row] = await cluster.store.listRollouts(ID);
    const [attempt] = await cluster.store.listAttempts(FIRST);
    expect(attempt?.end?.agent).toMatchObject({ reason: 'MemoryLimit', signal: 'SIGKILL' });
    expect(row?.decision?.score.final).toBe(0.5);
  });

  it('never starts an attempt beside one whose pod goes on', async () => {
    const { waiting } = await cluster.plan(UID, one);
    const asked = { shapeId: waiting[0]?.shape.id ?? '', generation: 1, max: 1 };
    const job = await cluster.newJob(UID, asked);
    const first = await cluster.makePod(job, 0);
    const second = await cluster.makePod(job, 0);
    const { desk } = cluster.open;
    const staged = await desk.stage(first.claiming);
    const again = await desk.stage(first.claiming);
    expect(staged).toMatchObject({ grant: { attempt: `${UID}/one/0#1` } });
    expect(again).toMatchObject({ grant: { attempt: `${UID}/one/0#1` } });
    expect(again).not.toEqual(staged);
    expect(await desk.stage(second.claiming)).toMatchObject({ refusal: { decision: 'wait' } });
    await cluster.restart();
    cluster.pods.delete('team-a', first.claiming.name);
    expect(await cluster.open.desk.stage(second.claiming)).toMatchObject({
      grant: { attempt: `${UID}/one/0#2` },
    });
    const [before] = await cluster.store.listAttempts(FIRST);
    expect(before?.close).toMatchObject({ class: 'disruption', reason: 'PodDeleted' });
  });

  it('counts pods that can never start, though they claim nothing', async () => {
    const { waiting } = await cluster.plan(UID, one);
    for (let generation = 1; generation <= 3; generation += 1) {
      const shapeId = waiting[0]?.shape.id ?? '';
      const job = await cluster.newJob(UID, { shapeId, generation, max: 1 });
      const { evidence } = await cluster.makePod(job, 0);
      const pulling = {
        name: 'stage',
        state: 'waiting',
        waitingReason: 'ImagePullBackOff',
      } as const;
      const gone = { ...evidence, gone: true, containers: [{ ...pulling }] };
      await cluster.open.coordinator.evidence(UID, [
        { ...gone, phase: 'Pending', deletedByUs: 'startDeadline' },
      ]);
      await cluster.open.coordinator.jobOver(UID, job.name, 'finished');
    }
    const state = await cluster.open.coordinator.state(UID);
    expect(state).toMatchObject({ outcomes: { infra_error: 1 }, infraFailures: 3, waiting: [] });
  });
});
