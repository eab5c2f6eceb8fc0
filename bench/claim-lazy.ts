import { Claim } from './support/claim.ts';
import { bench, sharedData } from './support/clawgym.ts';

/**
 * Claim local/2: `lazy` with placeholders on the 125 shared evaluation tasks has a flat mean of 0.09
 * to 0.14 and leaves no `verifier_error`. Run beside `nop`, it is drawn in the report as a floor: a
 * reference line through the other arm's bar, named in the key below.
 */
const claim = new Claim();
const run = await bench([
  '--tasks',
  sharedData('clawgym_eval.dev.jsonl'),
  '--agent',
  'nop',
  'lazy',
]);
const arm = run.arms.find(({ name }) => name === 'lazy');
const flat = arm?.mean.flat ?? Number.NaN;
claim.check(flat >= 0.09 && flat <= 0.14, `flat mean ${flat} is outside 0.09 to 0.14`);
for (const task of arm?.tasks ?? []) {
  for (const attempt of task.attempts) {
    claim.check(attempt.outcome === 'scored', `${task.id}: ${attempt.outcome} ${attempt.reason}`);
  }
}
claim.check(arm?.kind === 'floor', `lazy is of kind ${arm?.kind}, expected floor`);
const line = /<line class="ref"[^>]*><title>floor lazy: ([^<]*)<\/title>/.exec(run.report);
claim.check(line !== null, 'the report draws no floor line of lazy through the bar of nop');
const key = /<p class="refkey">.*?<\/p>/s.exec(run.report)?.[0].replaceAll(/<[^>]*>/g, '') ?? '';
claim.check(/floors: .*\blazy \d/.test(key), `the key of the report does not name lazy: "${key}"`);
claim.finish(
  `flat mean ${flat.toFixed(4)}, native mean ${arm?.mean.native?.toFixed(4)}; report: floor lazy ${line?.[1]}`,
);
