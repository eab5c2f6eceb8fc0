import { Claim } from './support/claim.ts';
import { bench, sharedData } from './support/clawgym.ts';

/**
 * Claim local/2: `lazy` with placeholders on the 125 shared evaluation tasks has a flat mean of 0.09
 * to 0.14 and leaves no `verifier_error`.
 */
const claim = new Claim();
const run = await bench(['--tasks', sharedData('clawgym_eval.dev.jsonl'), '--agent', 'lazy']);
const arm = run.arms[0];
const flat = arm?.mean.flat ?? Number.NaN;
claim.check(flat >= 0.09 && flat <= 0.14, `flat mean ${flat} is outside 0.09 to 0.14`);
for (const task of arm?.tasks ?? []) {
  for (const attempt of task.attempts) {
    claim.check(attempt.outcome === 'scored', `${task.id}: ${attempt.outcome} ${attempt.reason}`);
  }
}
claim.check(arm?.kind === 'floor', `the report shows lazy as ${arm?.kind}, expected a floor`);
claim.finish(`flat mean ${flat.toFixed(4)}, native mean ${arm?.mean.native?.toFixed(4)}`);
