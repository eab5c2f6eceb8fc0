import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ClawError, errorMessage } from '../../src/base/error.ts';
import type { HostEnv } from './cluster-host.ts';
import type { LedgerEntry } from './ledger.ts';
import { isMounted } from './mounted.ts';
import { isRunning, signalProcess } from './process-identity.ts';
import { removeCgroup } from './remove-cgroup.ts';
import { waitUntil } from './wait-until.ts';

const run = promisify(execFile);
const TERM_SECONDS = 5;
const KILL_SECONDS = 10;
const COMMAND_MS = 30_000;
/** The kernel takes a moment to forget what is on its way out. */
const GONE_SECONDS = 2;

/**
 * Takes away what the entries name, the last first; what is gone already is fine. Returns a line for
 * each thing that could not be taken away.
 */
export async function undoLedger(
  entries: readonly LedgerEntry[],
  env: HostEnv,
): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const entry of entries.toReversed()) {
    try {
      await undo(entry, env);
    } catch (cause) {
      failures.push(`${JSON.stringify(entry)}: ${String(cause)}`);
    }
  }
  return failures;
}

async function undo(entry: LedgerEntry, env: HostEnv): Promise<void> {
  switch (entry.kind) {
    case 'process':
      await endProcess(entry);
      return;
    case 'undo':
      await takeAway(entry.argv, env, async () => !existsSync(entry.left), entry.left);
      return;
    case 'cgroup':
      await removeCgroup(entry.path);
      return;
    case 'mount':
      await takeAway(
        ['umount', '--recursive', '--lazy', entry.path],
        env,
        async () => !isMounted(await readFile('/proc/self/mountinfo', 'utf8'), entry.path),
        `mount ${entry.path}`,
      );
      return;
    case 'folder':
      await rm(entry.path, { recursive: true, force: true });
      return;
  }
}

async function endProcess(entry: Extract<LedgerEntry, { kind: 'process' }>): Promise<void> {
  const gone = (): boolean => !isRunning(entry);
  if (!signalProcess(entry, 'SIGTERM')) return;
  signalProcess(entry, 'SIGCONT');
  const what = `end of ${entry.name} (process ${entry.pid})`;
  await waitUntil(gone, { what, seconds: TERM_SECONDS }).catch(() =>
    signalProcess(entry, 'SIGKILL'),
  );
  await waitUntil(gone, { what, seconds: KILL_SECONDS });
}

/**
 * The thing may be gone, and the command fail with it: what counts is that it is not there
 * afterwards. Where it is, the error says how the command ended.
 */
async function takeAway(
  argv: readonly string[],
  env: HostEnv,
  gone: () => Promise<boolean>,
  thing: string,
): Promise<void> {
  const [program = '', ...args] = argv;
  const how = await run(program, args, { env, timeout: COMMAND_MS }).then(
    () => `${argv.join(' ')} said that it was done`,
    (cause: unknown) => errorMessage(cause).trim(),
  );
  await waitUntil(gone, { what: `end of ${thing}`, seconds: GONE_SECONDS }).catch(() => {
    throw new ClawError('ClusterFailed', `${thing} is still there: ${how}`);
  });
}
