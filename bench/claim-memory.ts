import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Claim } from './support/claim.ts';

/**
 * Claim local/12: the main process stays within 300 MB resident at 8 parallel rollouts of the pi
 * harness with the recorded model. The kernel's own high-water mark (VmHWM) is read until the end.
 */
const LIMIT_MB = 300;
const ROOT = resolve(import.meta.dirname, '..');
const out = await mkdtemp(join(tmpdir(), 'clawgym-memory-'));
try {
  const child = spawn(
    join(ROOT, 'bin/clawgym'),
    [
      'bench',
      ...['--tasks', join(ROOT, 'examples/tasks'), '--agent', 'pi', '--model', 'recorded-demo'],
      ...['--recording', join(ROOT, 'examples/recordings/pi.jsonl')],
      ...['--attempts', '2', '--parallel', '8', '--out', out],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  let peakKib = 0;
  const timer = setInterval(() => {
    void readFile(`/proc/${child.pid}/status`, 'utf8').then(
      (status) => {
        peakKib = Math.max(peakKib, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0));
      },
      () => undefined,
    );
  }, 50);
  const code = await new Promise<number | null>((done) => child.once('close', done));
  clearInterval(timer);
  const claim = new Claim();
  const megabytes = (peakKib * 1024) / 1e6;
  claim.check(code === 0, `the run exited ${code}`);
  claim.check(peakKib > 0, 'the process was never seen');
  claim.check(megabytes <= LIMIT_MB, `${megabytes.toFixed(0)} MB is above ${LIMIT_MB} MB`);
  claim.finish(`peak ${megabytes.toFixed(0)} MB resident at 8 parallel rollouts`);
} finally {
  await rm(out, { recursive: true, force: true });
}
