import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { CHEAT_FAMILIES } from '../src/agents/cheat-families.ts';
import type { ArmResult, Results, SampleResult } from '../src/bench/results.ts';
import { Claim } from './support/claim.ts';
import { bench, sharedData } from './support/clawgym.ts';

/**
 * Claim local/3: every cheat family on the shared tasks, one attempt each. Families that create no
 * path named in the instruction score at most `nop`; families that plant files there at most
 * max(`nop`, `lazy`) of that task, where the verifier runs no agent code in its own process;
 * in-process tasks are listed and flagged. The bounds hold for `flat` and for `final`: forged named
 * values are invisible in a verifier's own reward. Stuffing families forge nothing: a weak check may
 * pay them more than an empty file, so their means are in the figure and have no bound (ADR 6).
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
const { values } = parseArgs({ options: { every: { type: 'string', default: '1' } } });
const every = Number(values.every);
if (!Number.isInteger(every) || every < 1)
  throw new Error(`--every ${values.every}: expected 1 or more`);

const claim = new Claim();
const inProcess: string[] = [];
const PARTS = ['flat', 'final'] as const;
/** Final scores of the stuffing families, by family. */
const stuffing = new Map<string, number[]>();
let rollouts = 0;

/** First attempt of each task. */
function attempts(arm: ArmResult): ReadonlyMap<string, SampleResult | undefined> {
  return new Map(arm.tasks.map((task) => [task.id, task.attempts[0]]));
}

function armOf(results: Results, name: string): ArmResult {
  const arm = results.arms.find((candidate) => candidate.name === name);
  if (arm === undefined) throw new Error(`no arm ${name} in the results`);
  return arm;
}

function checkSplit(results: Results): void {
  const nop = attempts(armOf(results, 'nop'));
  const lazy = attempts(armOf(results, 'lazy'));
  for (const task of armOf(results, 'nop').tasks) {
    if (task.agentCode === 'in-process') inProcess.push(task.id);
  }
  for (const family of CHEAT_FAMILIES) {
    const arm = armOf(results, `cheat-${family.name}`);
    for (const task of arm.tasks) {
      const attempt = task.attempts[0];
      if (family.aim === 'stuffing') {
        const known = stuffing.get(family.name) ?? [];
        stuffing.set(family.name, [...known, attempt?.score.final ?? Number.NaN]);
        continue;
      }
      rollouts += 1;
      if (task.agentCode === 'in-process') {
        claim.check(
          attempt?.findings.some(({ code }) => code === 'VerifierRunsAgentCode') === true,
          `${task.id} is in-process and not flagged for ${family.name}`,
        );
        if (family.plantsAtNamedPaths) continue;
      }
      const floors = [nop.get(task.id), ...(family.plantsAtNamedPaths ? [lazy.get(task.id)] : [])];
      checkBounds(`${family.name} on ${task.id}`, attempt, floors);
    }
  }
}

/** A score that is missing here is outside its bound: nothing is shown by a failed rollout. */
function checkBounds(
  what: string,
  attempt: SampleResult | undefined,
  floors: readonly (SampleResult | undefined)[],
): void {
  for (const part of PARTS) {
    const score = attempt?.score[part] ?? Number.NaN;
    const bound = Math.max(...floors.map((floor) => floor?.score[part] ?? Number.NaN));
    const how = Number.isNaN(score) ? ` (${attempt?.outcome} ${attempt?.reason})` : '';
    claim.check(score <= bound + 1e-9, `${what}: ${part} ${score} above ${bound}${how}`);
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
const means = [...stuffing].map(([name, finals]) => {
  const mean = finals.reduce((sum, score) => sum + score, 0) / finals.length;
  return `${name} ${mean.toFixed(3)}`;
});
process.stdout.write(`in-process, flagged: ${inProcess.toSorted().join(' ')}\n`);
claim.finish(
  `${rollouts} rollouts within flat and final bounds; ${inProcess.length} tasks in-process; unbounded means: ${means.join(', ')}`,
);
