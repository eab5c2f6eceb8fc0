import { resolve } from 'node:path';
import { Claim } from './support/claim.ts';
import { bench } from './support/clawgym.ts';

/** Claim local/4: on every example task nop scores 0, the solution 1.0, every cheat family 0. */
const TASKS = resolve(import.meta.dirname, '../examples/tasks');
const claim = new Claim();
const results = await bench(['--tasks', TASKS, '--agent', 'nop', 'lazy', 'solution', 'cheat']);
let rollouts = 0;
for (const arm of results.arms) {
  for (const task of arm.tasks) {
    const attempt = task.attempts[0];
    const expected = arm.kind === 'ceiling' ? 1 : 0;
    rollouts += 1;
    claim.check(
      attempt?.outcome === 'scored' &&
        attempt.score.flat === expected &&
        attempt.score.final === expected,
      `${arm.name} on ${task.id}: ${attempt?.outcome}, flat ${attempt?.score.flat}, final ${attempt?.score.final}, expected ${expected}`,
    );
    claim.check(task.agentCode === 'none', `${task.id} runs agent code (${task.agentCode})`);
  }
}
claim.finish(
  `${rollouts} rollouts in ${results.arms.length} arms: nop, lazy and cheats 0, solution 1.0`,
);
