import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { asBatchId, parseJson } from '../src/base/brand.ts';
import { isAgentResult } from '../src/rollouts/outcome.ts';
import { openSqliteReader } from '../src/store/sqlite/open.ts';
import { Claim } from './support/claim.ts';
import { makeInputs } from './support/rl-bed.ts';
import { trainerPython } from './support/trainer-python.ts';

/**
 * Claim lifecycle/5 on the smallest thing that learns: real policy server, sandboxes and trainer. The
 * trainer, the policy server and the coordinator are each killed once with SIGKILL; the run completes, every
 * batch is trained once, no missing data is a reward, and the reward rises. `--control`: rewards permuted
 * within groups, without kills; the reward does not rise by more than 0.15.
 */
const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '14' },
    control: { type: 'boolean', default: false },
  },
});
const STEPS = Number(values.steps);
const zEnd = z.object({ steps: z.array(z.looseObject({ reward: z.number().nullable() })) });
const zRow = z.looseObject({
  step: z.number(),
  batch: z.number(),
  lag0MaxAbs: z.number().nullable(),
});

const folder = await mkdtemp(join(tmpdir(), 'clawgym-rl-'));
const killed: string[] = [];

/** Runs the coordinator until it ends by itself; kills each victim once on the way. */
async function run(victims: readonly string[]): Promise<unknown> {
  for (;;) {
    const flags = ['--folder', folder, '--steps', `${STEPS}`];
    const child = spawn(
      process.execPath,
      [
        ...[
          '--disable-warning=ExperimentalWarning',
          join(import.meta.dirname, 'support/rl-child.ts'),
        ],
        ...flags,
        ...(values.control ? ['--permuted'] : []),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      const text = chunk.toString();
      process.stderr.write(text);
      const step = Number(/step (\d+)\//.exec(text)?.[1] ?? 0);
      const due = victims[killed.length];
      if (due !== undefined && step >= (killed.length + 1) * 3) kill(due, child.pid ?? 0);
    });
    const [code, signal] = await new Promise<[number | null, string | null]>((done) => {
      child.once('close', (exit, by) => done([exit, by]));
    });
    if (code === 0) return parseJson(said);
    if (signal !== 'SIGKILL') throw new Error(`the coordinator ended with ${code ?? signal}`);
  }
}

function kill(victim: string, coordinator: number): void {
  const file = join(folder, 'work', `${victim}.pid`);
  const pid =
    victim === 'coordinator' ? coordinator : Number(readFileSync(file, 'utf8').split(' ')[0]);
  process.kill(pid, 'SIGKILL');
  killed.push(victim);
  process.stderr.write(`killed the ${victim}\n`);
}

/** Rollouts of the steps with a result of the agent, and others. */
async function outcomes(): Promise<{ readonly results: number; readonly missing: number }> {
  await using store = await openSqliteReader(join(folder, 'run', 'store'));
  let results = 0;
  let missing = 0;
  for (let step = 1; step <= STEPS; step += 1) {
    for (const { decision } of await store.listRollouts(asBatchId(`rl-step-${step}`))) {
      if (decision !== undefined && isAgentResult(decision.outcome)) results += 1;
      else missing += 1;
    }
  }
  return { results, missing };
}

const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;

try {
  const { python, path } = await trainerPython();
  await makeInputs(folder, python, path);
  const began = performance.now();
  const victims = values.control ? [] : ['trainer', 'policy-server', 'coordinator'];
  const end = zEnd.parse(await run(victims));
  const seconds = Math.round((performance.now() - began) / 1000);
  const rows = readFileSync(join(folder, 'out', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const trained = rows.map((row) => zRow.parse(parseJson(row)));
  const rewards = end.steps.flatMap(({ reward }) => reward ?? []);
  const [first, last] = [mean(rewards.slice(0, 3)), mean(rewards.slice(-3))];
  const lag0 = Math.max(...trained.map(({ lag0MaxAbs }) => lag0MaxAbs ?? 0));
  const { results, missing } = await outcomes();
  const rewarded = end.steps.reduce(
    (sum, step) => sum + z.object({ rewarded: z.number() }).parse(step['rollouts']).rewarded,
    0,
  );
  const claim = new Claim();
  claim.check(end.steps.length === STEPS, `${end.steps.length} of ${STEPS} steps`);
  claim.check(killed.length === victims.length, `only ${killed.join(', ')} was killed`);
  const batches = trained.map(({ batch }) => batch);
  const once = batches.every((batch, at) => batch === at + 1);
  claim.check(once && batches.length > 0, `batches trained: ${batches.join(' ')}`);
  claim.check(rewarded === results, `${rewarded} rewards of ${results} results`);
  claim.check(missing > 0, 'every rollout had a score: nothing shows what one without becomes');
  claim.check(lag0 <= 1e-5, `log-probabilities of own tokens differ by ${lag0}`);
  if (values.control) claim.check(last - first <= 0.15, `the control rose by ${last - first}`);
  else claim.check(last - first >= 0.15, `the reward rose by ${last - first} only`);
  const kills =
    victims.length === 0 ? 'rewards permuted' : `killed once each: ${killed.join(', ')}`;
  claim.finish(
    `${kills}; ${batches.length} batches trained once each, ${missing} rollouts without a reward, reward ${first.toFixed(2)} -> ${last.toFixed(2)}, lag-0 difference ${lag0.toExponential(1)}, ${seconds} s`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
