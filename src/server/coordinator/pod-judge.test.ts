import { beforeEach, describe, expect, it } from 'vitest';
import { aPlanBody, aTask, endedWell } from '../../../test/support/cluster-batches.ts';
import { anEndedContainer } from '../../../test/support/pod-facts.ts';
import { startScripted, well } from '../../../test/support/scripted-bed.ts';
import type { ClusterScript, ScriptedCluster } from '../../../test/support/scripted-cluster.ts';
import { asAttemptId, asRolloutId } from '../../base/brand.ts';
import { sha256 } from '../../base/digest.ts';
import type { AttemptEndBody } from '../../protocol/sandbox-api.ts';

const UID = 'e0a1b2c3-0000-4000-8000-000000000002';
const FIRST = asRolloutId(`${UID}/one/0`);
const ATTEMPT = asAttemptId(`${FIRST}#1`);
const one = aPlanBody({ tasks: [aTask('one')] });

let cluster: ScriptedCluster;
beforeEach(async () => {
  cluster = await startScripted();
});

/** The gateway's own record of the call by which it ended the episode. */
async function endByBudget(): Promise<void> {
  const call = { callId: 'c1', attempt: ATTEMPT, startedAt: 1, model: 'm', request: sha256('q') };
  await cluster.store.openCall(call);
  await cluster.store.finishCall('c1', {
    status: 200,
    contentType: 'application/json',
    response: sha256('a'),
    result: 'budget',
    inputTokens: 1,
    outputTokens: 1,
    endedAt: 2,
  });
}

describe('verify pods that began too late for their own deadline', () => {
  it('break no verifier: a good run of the same workspace counts', async () => {
    await cluster.plan(UID, one);
    const finishedAt = '2026-01-01T00:30:05Z';
    const late = anEndedContainer('grade', { exitCode: 143, finishedAt });
    let tries = 0;
    const kinds: string[] = [];
    await cluster.drive(UID, {
      ...well,
      grade: async (grant, on) => {
        tries += 1;
        kinds.push(grant.kind);
        if (tries > 2) return await well.grade(grant, on);
        return {
          evidence: { phase: 'Failed', reason: 'DeadlineExceeded', containers: [late] },
        };
      },
    });
    expect(kinds).toEqual(['main', 'main', 'main']);
    const [line] = await cluster.open.coordinator.rollouts(UID);
    expect(line).toMatchObject({ outcome: 'scored', final: 0.5, findings: [] });
  });
});

describe('the tools that graded', () => {
  const told = { findings: [], graderRoot: sha256('tools') };
  const crash = { phase: 'Failed', containers: [anEndedContainer('grade', { exitCode: 3 })] };
  const roots = async () =>
    (await cluster.store.listVerifications(ATTEMPT)).map(({ grader }) => grader);

  it('are what their own image says, with the interpreter that the verdict names', async () => {
    await cluster.plan(UID, one);
    await cluster.drive(UID, { ...well, fetched: told });
    expect(await roots()).toEqual([{ root: told.graderRoot, python: '3.13.5' }]);
  });

  it('are named also where grading came to no verdict', async () => {
    await cluster.plan(UID, one);
    await cluster.drive(UID, {
      ...well,
      fetched: told,
      grade: async () => ({ evidence: { ...crash, phase: 'Failed' } }),
    });
    const graders = await roots();
    expect(graders.length).toBeGreaterThan(1);
    expect(new Set(graders.map(({ root }) => root))).toEqual(new Set([told.graderRoot]));
  });

  it('have no name where the image does not tell it, least of all the release of the server', async () => {
    await cluster.plan(UID, one);
    await cluster.drive(UID, { ...well, fetched: { findings: [], graderRoot: undefined } });
    expect(await roots()).toMatchObject([{ root: 'unnamed' }]);
  });
});

describe('grading that the platform ends again and again', () => {
  const fetchFailed = { phase: 'Failed', containers: [anEndedContainer('fetch', { exitCode: 1 })] };
  const taken = { phase: 'Failed', disruption: 'PreemptionByScheduler' };

  it.each([
    ['failures', fetchFailed, 3],
    ['disruptions', taken, 21],
  ] as const)('is given up after its limit of %s, counted over restarts', async (...of) => {
    const [, evidence, limit] = of;
    await cluster.plan(UID, one);
    let tries = 0;
    const grade: ClusterScript['grade'] = async (_grant, on) => {
      tries += 1;
      if (tries % 3 === 2) await on.restart();
      return { evidence: { ...evidence, phase: 'Failed' } };
    };
    const state = await cluster.drive(UID, { ...well, grade });
    expect(tries).toBe(limit);
    expect(state).toMatchObject({ outcomes: { infra_error: 1 }, attempts: 1 });
  });
});

describe('the model of an attempt that is closed without its end', () => {
  /** The one attempt, with its agent at work. */
  async function atWork(): Promise<string> {
    const { waiting } = await cluster.plan(UID, one);
    const shapeId = waiting[0]?.shape.id ?? '';
    const job = await cluster.newJob(UID, { shapeId, generation: 1, max: 1 });
    await cluster.open.desk.stage((await cluster.makePod(job, 0)).claiming);
    expect(cluster.modelEnds).toEqual([]);
    return job.name;
  }

  it.each(['paused', 'deadline', 'replaced'] as const)('is ended: Job %s', async (cause) => {
    await cluster.open.coordinator.jobOver(UID, await atWork(), cause);
    expect(cluster.modelEnds).toEqual([ATTEMPT]);
    const [attempt] = await cluster.store.listAttempts(FIRST);
    expect(attempt?.close?.class).toBe('cancelled');
  });

  it('is ended by a cancellation', async () => {
    await atWork();
    await cluster.open.coordinator.cancel(UID, 'DeadlineExceeded');
    expect(cluster.modelEnds).toEqual([ATTEMPT]);
  });
});

describe('an agent that used up the network', () => {
  it.each(['its link', 'its endpoint'] as const)('buys no retry by losing %s', async (which) => {
    await cluster.plan(UID, one);
    const agent: ClusterScript['agent'] = async (_grant, on) => {
      if (which === 'its endpoint') await on.store.putModelLoss(ATTEMPT, 'getaddrinfo EAI_AGAIN');
      const killed = { exitCode: null, signal: 'SIGKILL', seconds: 1, detail: '5000 sockets' };
      const report: AttemptEndBody = {
        ...(await endedWell(on)),
        agent: { ...killed, reason: 'ConnectionLimit' },
        findings: [{ code: 'ConnectionLimit', message: '5000 sockets' }],
        ...(which === 'its link' && { linkLost: 'no gateway for 120 s' }),
      };
      return { report };
    };
    const state = await cluster.drive(UID, { ...well, agent });
    expect(state).toMatchObject({ outcomes: { agent_error: 1 }, attempts: 1 });
    const [line] = await cluster.open.coordinator.rollouts(UID);
    expect(line).toMatchObject({ outcome: 'agent_error', findings: ['ConnectionLimit'] });
  });
});

describe('a budget that the gateway ended', () => {
  const lost = (failed: boolean): ClusterScript['agent'] => {
    return async (_grant, on) => {
      await endByBudget();
      if (failed) await on.store.putModelLoss(ATTEMPT, 'away');
      return { report: { ...(await endedWell(on)), linkLost: 'no gateway for 120 s' } };
    };
  };

  it('stands where the link was lost after it', async () => {
    await cluster.plan(UID, one);
    const state = await cluster.drive(UID, { ...well, agent: lost(false) });
    expect(state).toMatchObject({ outcomes: { budget_exhausted: 1 }, attempts: 1 });
  });

  it('may have been used up by an endpoint that failed', async () => {
    await cluster.plan(UID, one);
    let tries = 0;
    const agent: ClusterScript['agent'] = async (grant, on) => {
      tries += 1;
      return tries === 1 ? await lost(true)(grant, on) : await well.agent(grant, on);
    };
    const state = await cluster.drive(UID, { ...well, agent });
    expect(state).toMatchObject({ outcomes: { scored: 1 }, attempts: 2 });
    const [first] = await cluster.store.listAttempts(FIRST);
    const findings = [{ code: 'UpstreamFailed', message: 'away' }];
    expect(first).toMatchObject({
      close: { class: 'infra_error', reason: 'UpstreamFailed' },
      end: { findings },
    });
  });
});
