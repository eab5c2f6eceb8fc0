import { expect, test } from 'vitest';
import { anEnd } from '../../test/support/records.ts';
import { asAttemptId } from '../base/brand.ts';
import type { AttemptVerdict } from './attempt-verdict.ts';
import { verifiedDecision } from './rollout-decision.ts';

const score = { flat: 1, native: 1, rubric: null, final: 1 };
const unlimited = { code: 'NoResourceLimits', message: 'no cgroups' } as const;
const skipped = { code: 'EntrySkipped', message: 'a link' } as const;

test('what agent and grader both found is said once', () => {
  const verdict: AttemptVerdict = {
    ...{ outcome: undefined, reason: '', score, asLeft: undefined, checks: [] },
    findings: [unlimited, { ...unlimited, message: 'other words' }],
  };
  const end = anEnd({ findings: [unlimited, skipped] });
  const attempt = { id: asAttemptId('b/t/0#1') };
  const task = { rubric: undefined, weights: { code: '1', rubric: '0' } };
  expect(verifiedDecision(attempt, end, verdict, task, 0).findings).toEqual([
    unlimited,
    skipped,
    { ...unlimited, message: 'other words' },
  ]);
});
