import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Results } from '../src/bench/results.ts';
import { Claim } from './support/claim.ts';
import { readResults } from './support/clawgym.ts';

/**
 * Claim local/7: kill -9 of the process at 20 random moments of a 60-rollout run; outcomes, scores
 * and checks equal an undisturbed run. The agent is scripted (a command that works a little in its
 * sandbox); the disruption limit is raised, since one rollout may meet many kills.
 */
const KILLS = 20;
const ROOT = resolve(import.meta.dirname, '..');
const AGENT =
  "sleep 0.2; mkdir -p out; printf 'partial' > out/notes.txt; ls -R . > listing.txt; sleep 0.2";

function args(out: string): string[] {
  return [
    ...['bench', '--tasks', join(ROOT, 'examples/tasks'), '--agent', 'command', 'solution', 'nop'],
    ...['--command', `sh -c "${AGENT}"`],
    ...['--model', 'none', '--recording', join(ROOT, 'examples/recordings/pi.jsonl')],
    ...['--attempts', '2', '--parallel', '4', '--disruption-limit', '100', '--out', out],
  ];
}

function run(out: string, killAfterMs: number | undefined): Promise<number | null> {
  return new Promise((done, reject) => {
    const child = spawn(join(ROOT, 'bin/clawgym'), args(out), {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-4000);
    });
    const timer =
      killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0 || signal === 'SIGKILL') done(code);
      else reject(new Error(`the run exited ${code}:\n${stderr}`));
    });
  });
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

const scratch = await mkdtemp(join(tmpdir(), 'clawgym-resume-'));
try {
  const undisturbed = join(scratch, 'undisturbed');
  const disturbed = join(scratch, 'disturbed');
  const started = performance.now();
  await run(undisturbed, undefined);
  const whole = performance.now() - started;
  let kills = 0;
  let finished = false;
  while (kills < KILLS && !finished) {
    // Moments from the start of a process to a seventh of a whole run: all 20 fit into the work.
    const code = await run(disturbed, 300 + Math.random() * Math.max(800, whole / 7));
    finished = code === 0;
    kills += finished ? 0 : 1;
  }
  await run(disturbed, undefined);
  const claim = new Claim();
  const [calm, stormy] = [await readResults(undisturbed), await readResults(disturbed)];
  const rollouts = calm.arms.flatMap((arm) => arm.tasks.flatMap((task) => task.attempts));
  claim.check(rollouts.length >= 60, `expected at least 60 rollouts, got ${rollouts.length}`);
  claim.check(kills === KILLS, `only ${kills} kills fell into the run`);
  claim.check(shape(calm) === shape(stormy), 'the disturbed run differs from the undisturbed one');
  claim.finish(`${kills} kills over ${rollouts.length} rollouts: results identical`);
} finally {
  await rm(scratch, { recursive: true, force: true });
}
