import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('record-store-child.ts', import.meta.url));
/** No child of a test lives longer, in milliseconds. */
const LIFE_LIMIT_MS = 30_000;

export interface StoreChild extends AsyncDisposable {
  /** Resolves with the acknowledged lines once `count` are there or the child has ended. */
  lines(count: number): Promise<readonly string[]>;
  /** Kills with SIGKILL and resolves with all that was acknowledged. */
  kill(): Promise<readonly string[]>;
}

/** Starts record-store-child.ts over a folder. */
export function startStoreChild(folder: string, rollouts: number, lanes: number): StoreChild {
  const child = spawn(
    process.execPath,
    ['--no-warnings', PROGRAM, folder, String(rollouts), String(lanes)],
    { stdio: ['ignore', 'pipe', 'inherit'], timeout: LIFE_LIMIT_MS, killSignal: 'SIGKILL' },
  );
  const seen: string[] = [];
  const wake = new Set<() => void>();
  const tell = (): void => {
    for (const each of wake) each();
  };
  let ended = false;
  const done = once(child, 'close').then(() => {
    ended = true;
    tell();
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    seen.push(line);
    tell();
  });
  const kill = async (): Promise<readonly string[]> => {
    child.kill('SIGKILL');
    await done;
    return seen;
  };
  return {
    lines: async (count) => {
      while (seen.length < count && !ended) {
        await new Promise<void>((resolve) => {
          wake.add(resolve);
        });
        wake.clear();
      }
      return seen;
    },
    kill,
    [Symbol.asyncDispose]: async () => {
      await kill();
    },
  };
}
