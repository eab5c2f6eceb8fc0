import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  aBatch,
  aCall,
  aClaim,
  aDecision,
  aFinish,
  anEnd,
  aPlan,
  aVerification,
} from '../../test/support/records.ts';
import { anArm, aRun, aTask, type SampleSpec } from '../../test/support/run-facts.ts';
import { asAttemptId, asBatchId } from '../base/brand.ts';
import { systemClock } from '../base/clock.ts';
import { sha256 } from '../base/digest.ts';
import { OUTCOMES } from '../rollouts/outcome.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import { buildResults, isComplete } from './build-results.ts';
import { loadArm } from './load-arm.ts';
import { type ArmResult, zResults } from './results.ts';

function onlyArm(samples: readonly SampleSpec[]): ArmResult {
  const ids = [...new Set(samples.map((sample) => sample.task))];
  const results = buildResults(
    aRun(
      ids.map((id) => aTask(id)),
      [anArm('arm', samples)],
    ),
  );
  return results.arms[0] as ArmResult;
}

describe('the headline', () => {
  it('weighs tasks the same, whatever their number of samples', () => {
    const arm = onlyArm([
      { task: 'a', outcome: 'scored', final: 1 },
      { task: 'b', sample: 0, outcome: 'scored', final: 0 },
      { task: 'b', sample: 1, outcome: 'scored', final: 0 },
      { task: 'b', sample: 2, outcome: 'scored', final: 0.6 },
    ]);
    expect(arm.mean.final).toBeCloseTo((1 + 0.2) / 2, 12);
    expect(arm.success.rate).toBe(0.5);
  });

  it.each(OUTCOMES)('of one rollout that ended as %s', (outcome) => {
    const agentResult = OUTCOMES.indexOf(outcome) < 4;
    const arm = onlyArm([
      { task: 'a', outcome: 'scored', final: 1 },
      { task: 'b', outcome, final: agentResult ? 0.5 : null },
    ]);
    expect(arm.mean.final).toBe(agentResult ? 0.75 : 1);
    expect(arm.coverage).toBe(agentResult || outcome === 'not_gradable' ? 1 : 0.5);
    expect(arm.notGradable).toBe(outcome === 'not_gradable' ? 1 : 0);
    expect(arm.bounds).toEqual(
      agentResult
        ? { low: 0.75, high: 0.75 }
        : outcome === 'not_gradable'
          ? { low: 1, high: 1 }
          : { low: 0.5, high: 1 },
    );
  });

  it('ignores a score that stands on missing data', () => {
    const arm = onlyArm([
      { task: 'a', outcome: 'scored', final: 1 },
      { task: 'b', outcome: 'infra_error', final: 0 },
    ]);
    expect(arm.mean.final).toBe(1);
  });

  it('has no value, and no coverage, where nothing ran', () => {
    expect(onlyArm([{ task: 'a' }, { task: 'b' }])).toMatchObject({
      mean: { flat: null, native: null, final: null },
      interval: null,
      coverage: 0,
      complete: false,
      bounds: { low: 0, high: 1 },
      outcomes: { undecided: 2 },
    });
    expect(onlyArm([{ task: 'a', outcome: 'not_gradable' }])).toMatchObject({
      planned: 0,
      coverage: 0,
      complete: false,
      bounds: { low: null, high: null },
    });
  });
});

describe('completeness', () => {
  const run = (missing: number): boolean => {
    const samples = Array.from({ length: 100 }, (_, sample): SampleSpec => {
      return { task: 'a', sample, outcome: sample < missing ? 'infra_error' : 'scored', final: 1 };
    });
    return isComplete(buildResults(aRun([aTask('a')], [anArm('arm', samples)])));
  };

  it('begins at 98 % of the gradable plan', () => {
    expect([run(0), run(2), run(3)]).toEqual([true, true, false]);
    expect(isComplete(buildResults(aRun([], [])))).toBe(false);
  });
});

describe('results of a run', () => {
  const tasks = [
    aTask('merge', { category: 'files' }),
    aTask('repair', { category: 'code', agentCode: 'in-process', cluster: 'persona-1' }),
    aTask('judged', { category: 'code', agentCode: 'unknown' }),
  ];
  const facts = aRun(tasks, [
    anArm(
      'nop',
      [
        { task: 'merge', outcome: 'scored', final: 0, checks: [['exists', 0]] },
        { task: 'repair', outcome: 'scored', final: 0.25, graderRoot: 'host' },
        { task: 'judged', outcome: 'not_gradable', reason: 'NeedsJudge' },
      ],
      { kind: 'floor', model: undefined },
    ),
    anArm('some-model', [
      {
        task: 'merge',
        outcome: 'scored',
        final: 1,
        checks: [
          ['10', 1],
          ['2', 1],
          ['__proto__', 1],
        ],
        tokens: [1_200, 80],
        seconds: 4.5,
      },
      {
        task: 'repair',
        outcome: 'agent_timeout',
        reason: 'Deadline',
        final: 0.5,
        asLeft: 1,
        tokens: [900, 40],
        findings: [{ code: 'ProtectedInputChanged', message: 'in.csv' }],
      },
      { task: 'judged', outcome: 'not_gradable', reason: 'NeedsJudge' },
    ]),
  ]);

  it('have the published form, byte for byte', async () => {
    const text = `${JSON.stringify(buildResults(facts), null, 2)}\n`;
    await expect(text).toMatchFileSnapshot('../../test/fixtures/results.golden.json');
  });

  it('fit the schema and say that a host graded', () => {
    const results = buildResults(facts);
    const parsed = zResults.parse(results);
    expect(parsed.hostPython).toBe(true);
    expect(parsed.graders.map((grader) => grader.root)).toContain('host');
    expect(parsed.arms[1]?.tokens).toEqual({ input: 2_100, output: 120, calls: 2, unmetered: 0 });
    const checks = results.arms[1]?.tasks[0]?.attempts[0]?.checks;
    expect(Object.keys(checks ?? {})).toEqual(['2', '10', '__proto__']);
  });

  it('come out of a record store, retries included', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'clawgym-results-'));
    try {
      await using store = await openSqliteStore({ folder, holder: 'test', clock: systemClock });
      await store.planBatch(aBatch(), aPlan(2));
      const [first] = await store.listRollouts(aBatch().id);
      if (first === undefined) throw new Error('no rollout');
      await store.openAttempt(first.id, aClaim());
      const lost = asAttemptId(`${first.id}#1`);
      await store.openCall(aCall(first.id));
      await store.closeAttempt(lost, { class: 'disruption', reason: 'EngineDied', closedAt: 1 });
      const { id } = await store.openAttempt(first.id, aClaim());
      await store.openCall(aCall(first.id, { callId: 'call-2', attempt: id }));
      await store.finishCall('call-2', aFinish());
      await store.endAttempt(id, 'nonce-1', anEnd());
      await store.addVerification(aVerification(first.id, { attempt: id }));
      await store.decideRollout(first.id, aDecision(first.id, { attempt: id }));

      const arm = await loadArm(store, aBatch().id, anArm('nop', []));
      const [result] = buildResults(aRun([aTask('task-0'), aTask('task-1')], [arm])).arms;
      expect(result?.tasks[0]?.attempts[0]).toMatchObject({
        outcome: 'scored',
        tries: 2,
        seconds: 1.25,
        tokens: { input: 12, output: 3, calls: 2, unmetered: 1 },
      });
      expect(result).toMatchObject({ coverage: 0.5, specDigest: sha256('spec') });
      const missing = loadArm(store, asBatchId('none'), anArm('nop', []));
      await expect(missing).rejects.toMatchObject({ code: 'NotFound' });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
