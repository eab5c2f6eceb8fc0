import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Results } from '../src/bench/results.ts';
import { Claim } from './support/claim.ts';
import { readResults } from './support/clawgym.ts';
import { runUntil } from './support/run-until.ts';
import { readStore, type StoreState } from './support/store-state.ts';

/**
 * Claim local/7: kill -9 of the process at 20 random moments of a 72-rollout run; outcomes, scores and
 * checks equal an undisturbed run, no decision is taken twice and no call row is lost. A third of
 * the rollouts are the real harness pi, whose recorded model calls go through link and gateway. The
 * disruption limit is raised, since one rollout may meet many kills.
 *
 * `--kills N` for a shorter one (tier ci).
 */
const { values } = parseArgs({ options: { kills: { type: 'string', default: '20' } } });
const KILLS = Number(values.kills);
const ROOT = resolve(import.meta.dirname, '..');

function args(out: string): string[] {
  return [
    ...['bench', '--tasks', join(ROOT, 'examples/tasks'), '--agent', 'pi', 'solution', 'nop'],
    ...['--model', 'recorded-demo', '--recording', join(ROOT, 'examples/recordings/pi.jsonl')],
    ...['--attempts', '2', '--parallel', '4', '--disruption-limit', '100', '--out', out],
  ];
}

function shape(results: Results): string {
  return JSON.stringify(
    results.arms.map((arm) => [
      arm.agent.name,
      arm.outcomes,
      arm.tasks.map((task) => [
        task.id,
        task.attempts.map(({ rollout, outcome, score, checks }) => [
          rollout,
          outcome,
          score,
          checks,
        ]),
      ]),
    ]),
  );
}

/** Of what is left: the last share is all of it, and a run that is resumed may be the faster one. */
const SLACK = 0.8;

interface Calm {
  readonly results: Results;
  readonly state: StoreState;
  readonly rollouts: number;
  /** From the start of the process to its first attempt. */
  readonly startMs: number;
  /** From there to the end. */
  readonly workMs: number;
  /** Mean of one attempt of the harness. */
  readonly attemptMs: number;
}

async function undisturbed(out: string): Promise<Calm> {
  const began = Date.now();
  await runUntil(args(out), undefined);
  const ended = Date.now();
  const state = await readStore(out);
  const first = Math.min(...state.attempts.map(({ startedAt }) => startedAt));
  const results = await readResults(out);
  const rollouts = state.decisions.size;
  const took = state.attempts
    .filter(({ harness }) => harness.name === 'pi')
    .map(({ startedAt, end }) => (end?.endedAt ?? startedAt) - startedAt);
  const attemptMs = took.reduce((sum, ms) => sum + ms, 0) / took.length;
  const workMs = ended - first;
  return { results, state, rollouts, startMs: first - began, workMs, attemptMs };
}

/**
 * Kills the run KILLS times, each time within its share of the work that is left, so that all kills
 * fall before its end, but never much later than a harness needs to end; then lets it
 * finish. Returns what the store held after each kill.
 */
async function disturbed(out: string, calm: Calm): Promise<readonly StoreState[]> {
  const seen: StoreState[] = [];
  let left = calm.rollouts;
  while (seen.length < KILLS && left > 0) {
    const share = (calm.workMs * left) / calm.rollouts / (KILLS - seen.length);
    const window = Math.min(SLACK * share, 2.5 * calm.attemptMs);
    // Later from kill to kill: of few moments, all by chance could fall before the first model call.
    const moment = ((seen.length + Math.random()) / KILLS) * window;
    const killed = await runUntil(args(out), calm.startMs + moment);
    if (!killed) break;
    const state = await readStore(out);
    left = calm.rollouts - state.decisions.size;
    if (left > 0) seen.push(state);
  }
  await runUntil(args(out), undefined);
  return seen;
}

/** Decisions are final, calls stay, and each rollout stands once in the results. */
async function checkRecords(claim: Claim, out: string, seen: readonly StoreState[], calm: Calm) {
  const end = await readStore(out);
  for (const [index, state] of seen.entries()) {
    for (const [id, decision] of state.decisions) {
      claim.check(
        end.decisions.get(id) === decision,
        `${id} was decided anew after kill ${index + 1}`,
      );
    }
    const lost = [...state.calls.keys()].filter((id) => !end.calls.has(id));
    claim.check(lost.length === 0, `calls lost after kill ${index + 1}: ${lost.join(' ')}`);
  }
  for (const [id, attempt] of end.deciding) {
    const calls = sequences(end, attempt);
    const expected = sequences(calm.state, calm.state.deciding.get(id));
    claim.check(calls === expected, `${id}: calls "${calls}", expected "${expected}"`);
  }
  const lines = (await readFile(join(out, 'rollouts.jsonl'), 'utf8')).trim().split('\n');
  claim.check(lines.length === calm.rollouts, `${lines.length} lines in rollouts.jsonl`);
  claim.check(end.decisions.size === calm.rollouts, `${end.decisions.size} decided rollouts`);
  return end.attempts.filter(({ close }) => close?.class === 'disruption').length;
}

/** Sequence and result of every call of one attempt, in order. */
function sequences({ calls }: StoreState, attempt: string | undefined): string {
  return [...calls.values()]
    .filter((call) => call.attempt === attempt)
    .map(({ sequence, finish }) => `${sequence} ${finish?.result}`)
    .toSorted()
    .join(', ');
}

const scratch = await mkdtemp(join(tmpdir(), 'clawgym-resume-'));
try {
  const calm = await undisturbed(join(scratch, 'undisturbed'));
  let out = join(scratch, 'disturbed');
  let seen = await disturbed(out, calm);
  if (seen.length < KILLS) {
    process.stdout.write(`the run ended after ${seen.length} kills: once more from the start\n`);
    out = join(scratch, 'again');
    seen = await disturbed(out, calm);
  }
  const claim = new Claim();
  claim.check(calm.rollouts >= 60, `expected at least 60 rollouts, got ${calm.rollouts}`);
  claim.check(calm.state.calls.size > 0, 'the agent made no model call');
  claim.check(seen.length === KILLS, `only ${seen.length} kills fell into the run`);
  const same = shape(calm.results) === shape(await readResults(out));
  claim.check(same, 'the disturbed run differs from the undisturbed one');
  const disruptions = await checkRecords(claim, out, seen, calm);
  const amid = seen.filter(({ decisions, calls }) => decisions.size > 0 && calls.size > 0).length;
  claim.check(amid > 0, 'no kill fell between the first model call and the last decision');
  claim.check(disruptions >= KILLS / 2, `only ${disruptions} attempts met a kill`);
  claim.finish(
    `${seen.length} kills over ${calm.rollouts} rollouts, ${disruptions} attempts disrupted: results identical, no decision or call lost`,
  );
} finally {
  await rm(scratch, { recursive: true, force: true });
}
