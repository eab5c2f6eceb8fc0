import { Claim } from './support/claim.ts';
import { bench, sharedData } from './support/clawgym.ts';

/**
 * Claim local/1: `nop` on the 125 shared evaluation tasks, three times: identical; `flat` non-zero
 * only for task_0078 (1/12) and task_0094 (1/9); `native` all 0.
 */
const EXPECTED_FLAT = new Map([
  ['task_0078', 1 / 12],
  ['task_0094', 1 / 9],
]);

const claim = new Claim();
const runs = [];
for (let index = 0; index < 3; index += 1) {
  runs.push(await bench(['--tasks', sharedData('clawgym_eval.dev.jsonl'), '--agent', 'nop']));
}
const shapes = runs.map((run) =>
  JSON.stringify(
    run.arms[0]?.tasks.map((task) => [
      task.id,
      task.attempts.map(({ outcome, score, checks }) => [outcome, score, checks]),
    ]),
  ),
);
claim.check(new Set(shapes).size === 1, 'three runs differ in an outcome, score or check');
const arm = runs[0]?.arms[0];
claim.check(arm?.tasks.length === 125, `expected 125 tasks, got ${arm?.tasks.length}`);
for (const task of arm?.tasks ?? []) {
  for (const attempt of task.attempts) {
    const expected = EXPECTED_FLAT.get(task.id) ?? 0;
    const { flat, native } = attempt.score;
    claim.check(attempt.outcome === 'scored', `${task.id} is ${attempt.outcome}`);
    claim.check(
      flat !== null && Math.abs(flat - expected) < 1e-12,
      `${task.id} has flat ${flat}, expected ${expected}`,
    );
    claim.check(native === 0, `${task.id} has native ${native}, expected 0`);
  }
}
claim.finish(
  `3 identical runs of 125 tasks; flat mean ${arm?.mean.flat}, native mean ${arm?.mean.native}, grader Python ${runs[0]?.graders.map((grader) => grader.python).join(' ')}`,
);
