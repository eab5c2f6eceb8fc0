import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CHEAT_FAMILIES } from '../src/agents/cheat-families.ts';
import type { ArmResult, Results } from '../src/bench/results.ts';
import { Claim } from './support/claim.ts';
import { bench, sharedData } from './support/clawgym.ts';

/**
 * Claim local/3: every cheat family on the shared tasks, one attempt each. Families that create no
 * path named in the instruction score at most `nop`; families that plant files there at most
 * max(`nop`, `lazy`) of that task, where the verifier runs no agent code in its own process;
 * in-process tasks are listed and flagged. Stuffing families forge nothing: a weak check may pay
 * them more than an empty file, so their means are printed as floors and have no bound.
 *
 * `--every N` takes each N-th task of a split and all tasks that run agent code (tier ci).
 */
const SPLITS = ['clawgym_eval.dev.jsonl', 'clawgym_train.dev.jsonl'] as const;
/** Tasks that are known to load agent files into the verifier's process (static scan, audit hook). */
const KNOWN_IN_PROCESS = [
  'task_0012',
  'task_0059',
  'task_0119',
  'task_0157',
  'task_0102',
  'task_0275',
];
const every = Number(process.argv[process.argv.indexOf('--every') + 1] ?? 1) || 1;

const claim = new Claim();
const inProcess: string[] = [];
const stuffing = new Map<string, number[]>();
let rollouts = 0;

function scores(arm: ArmResult): Map<string, number> {
  return new Map(arm.tasks.map((task) => [task.id, task.attempts[0]?.score.final ?? Number.NaN]));
}

function armOf(results: Results, name: string): ArmResult {
  const arm = results.arms.find((candidate) => candidate.name === name);
  if (arm === undefined) throw new Error(`no arm ${name} in the results`);
  return arm;
}

function checkSplit(results: Results): void {
  const nop = scores(armOf(results, 'nop'));
  const lazy = scores(armOf(results, 'lazy'));
  for (const task of armOf(results, 'nop').tasks) {
    if (task.agentCode === 'in-process') inProcess.push(task.id);
  }
  for (const family of CHEAT_FAMILIES) {
    const arm = armOf(results, `cheat-${family.name}`);
    if (family.aim === 'stuffing') {
      stuffing.set(family.name, [
        ...(stuffing.get(family.name) ?? []),
        arm.mean.final ?? Number.NaN,
      ]);
      continue;
    }
    for (const task of arm.tasks) {
      rollouts += 1;
      const attempt = task.attempts[0];
      const score = attempt?.score.final ?? Number.NaN;
      const floor = nop.get(task.id) ?? Number.NaN;
      const bound = family.plantsAtNamedPaths ? Math.max(floor, lazy.get(task.id) ?? 0) : floor;
      const flagged = attempt?.findings.some(({ code }) => code === 'VerifierRunsAgentCode');
      if (task.agentCode === 'in-process') {
        claim.check(
          flagged === true,
          `${task.id} is in-process and not flagged for ${family.name}`,
        );
        if (family.plantsAtNamedPaths) continue;
      }
      claim.check(score <= bound + 1e-9, `${family.name} on ${task.id}: ${score} above ${bound}`);
    }
  }
}

async function sample(file: string): Promise<string[]> {
  const zRow = z.object({ task_id: z.string() });
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  const ids = lines.map((line) => zRow.parse(JSON.parse(line)).task_id);
  return ids.filter((id, index) => index % every === 0 || KNOWN_IN_PROCESS.includes(id));
}

for (const split of SPLITS) {
  const file = sharedData(split);
  const narrow = every === 1 ? [] : ['--task', ...(await sample(file))];
  checkSplit(await bench(['--tasks', file, '--agent', 'nop', 'lazy', 'cheat', ...narrow]));
}
for (const id of KNOWN_IN_PROCESS) {
  claim.check(inProcess.includes(id), `the known in-process task ${id} was not found`);
}
for (const [name, means] of stuffing) {
  process.stdout.write(
    `floor of ${name}: mean ${means.map((mean) => mean.toFixed(3)).join(' and ')}\n`,
  );
}
claim.finish(
  `${rollouts} cheat rollouts within their bounds; in-process, flagged: ${inProcess.toSorted().join(' ')}`,
);
