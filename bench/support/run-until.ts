import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/**
 * Runs `bin/clawgym`, and kills it with SIGKILL after so many milliseconds (undefined: never). True
 * where it was killed, false where it ended before with one of `good`; throws on another end.
 */
export function runUntil(
  args: readonly string[],
  killAfterMs: number | undefined,
  good: readonly number[] = [0],
): Promise<boolean> {
  return new Promise((done, reject) => {
    const child = spawn(join(ROOT, 'bin/clawgym'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-4000);
    });
    const timer =
      killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (signal === 'SIGKILL' || good.includes(code ?? -1)) done(signal === 'SIGKILL');
      else reject(new Error(`the run exited ${code}:\n${stderr}`));
    });
  });
}
