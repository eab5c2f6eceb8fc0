import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { openTestSandbox, scratchFolder } from '../support/sandbox-host.ts';

// Another run of this test may be under way on this host.
const MARK = `crashmark-${process.pid}`;
const scratch = scratchFolder();
afterAll(() => scratch.remove());

/** Host processes whose command line has the mark, this test's own aside. */
function marked(): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(MARK);
    } catch {
      return false;
    }
  });
}

it('leaves no sandboxed process behind when the engine is killed', async () => {
  await openTestSandbox();
  const program = new URL('../support/sandbox-child.ts', import.meta.url).pathname;
  const engine = spawn(process.execPath, [program, `setsid sleep 300 & sleep 301; : ${MARK}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => {
    engine.once('exit', () => resolve());
  });
  const running = () => marked().filter((pid) => Number(pid) !== engine.pid);
  await expect.poll(() => running().length, { timeout: 20_000 }).toBeGreaterThan(1);
  engine.kill('SIGKILL');
  await gone;
  await expect.poll(() => running(), { timeout: 20_000 }).toEqual([]);
});
