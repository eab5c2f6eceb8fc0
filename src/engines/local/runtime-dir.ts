import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SandboxOwner } from '../../phases/process-sandbox.ts';
import { removeScratch } from '../../phases/remove-scratch.ts';
import { makeScratchFolder } from '../../phases/scratch-folder.ts';
import { ScratchSweeper } from './scratch-sweeper.ts';

/** File in the store folder that names the runtime folder, so that the next run can sweep it. */
const POINTER = 'runtime-dir';
const PREFIX = 'clawgym-';
/** What a pointer may name, wherever the temporary folder was then. */
const LEFTOVER = /^\/(?:[^/]+\/)*clawgym-[0-9a-f]{12}$/;

/** Trees that are expected to be at most so large may be held in memory. */
const SMALL_BYTES = 4 * 1024 * 1024;

/**
 * The engine's scratch: workspaces, sockets, verifier copies. It stands under the system's temporary
 * folder, because socket paths must be short and sandboxes run under another uid that cannot enter
 * a user's home. Nothing in it is needed after a crash.
 */
export interface RuntimeDir extends AsyncDisposable {
  readonly path: string;
  /**
   * A fresh folder; its user gives it back with `discard`. `expectedBytes`: how large it is going to
   * be, where that is known and no agent's program writes to it; small ones may be held in memory.
   */
  scratch(label: string, expectedBytes?: number): Promise<string>;
  /** Takes a scratch folder back; it is removed some time later. */
  discard(scratch: string): void;
}

export interface RuntimeDirOptions {
  /** A folder in memory for small scratch, where the host has one (see memory-scratch.ts). */
  readonly memory?: string | undefined;
  /** Who sandboxes run as, where that is another user (see ProcessSandbox.owner). */
  readonly owner?: SandboxOwner | undefined;
}

export async function openRuntimeDir(
  storeDir: string,
  { memory, owner }: RuntimeDirOptions = {},
): Promise<RuntimeDir> {
  const pointer = join(storeDir, POINTER);
  await sweepLeftover(pointer);
  const name = `${PREFIX}${randomBytes(6).toString('hex')}`;
  const path = join(tmpdir(), name);
  const small = memory === undefined ? path : join(memory, name);
  const folders = [...new Set([path, small])];
  // The pointer first: a process that dies in between leaves a name without a folder, not the reverse.
  await writeFile(pointer, folders.join('\n'));
  for (const folder of folders) makeScratchFolder(folder, owner);
  let next = 0;
  const sweeper = new ScratchSweeper();
  return {
    path,
    scratch: async (label, expectedBytes = Number.POSITIVE_INFINITY) => {
      next += 1;
      const dir = join(expectedBytes <= SMALL_BYTES ? small : path, `${label}-${next}`);
      mkdirSync(dir, { mode: 0o711 });
      return dir;
    },
    discard: (dir) => sweeper.take(dir),
    [Symbol.asyncDispose]: async () => {
      await sweeper[Symbol.asyncDispose]();
      // Where something is left, the next run over this store tries again.
      const removed = await Promise.all(folders.map(removeScratch));
      if (removed.every(Boolean)) await rm(pointer, { force: true });
    },
  };
}

async function sweepLeftover(pointer: string): Promise<void> {
  let leftovers: string[];
  try {
    leftovers = (await readFile(pointer, 'utf8')).split('\n').map((line) => line.trim());
  } catch {
    return;
  }
  for (const leftover of leftovers) if (LEFTOVER.test(leftover)) await removeScratch(leftover);
  await rm(pointer, { force: true });
}
