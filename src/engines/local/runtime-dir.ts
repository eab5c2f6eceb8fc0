import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeScratch } from '../../phases/remove-scratch.ts';
import { ScratchSweeper } from './scratch-sweeper.ts';

/** File in the store folder that names the runtime folder, so that the next run can sweep it. */
const POINTER = 'runtime-dir';
const PREFIX = 'clawgym-';
/** What a pointer may name, wherever the temporary folder was then. */
const LEFTOVER = /^\/(?:[^/]+\/)*clawgym-[0-9a-f]{12}$/;

/**
 * The engine's scratch: workspaces, sockets, verifier copies. It stands under the system's temporary
 * folder, because socket paths must be short and sandboxes run under another uid that cannot enter
 * a user's home. Nothing in it is needed after a crash.
 */
export interface RuntimeDir extends AsyncDisposable {
  readonly path: string;
  /** A fresh folder; its user gives it back with `discard`. */
  scratch(label: string): Promise<string>;
  /** Takes a scratch folder back; it is removed some time later. */
  discard(scratch: string): void;
}

export async function openRuntimeDir(storeDir: string): Promise<RuntimeDir> {
  const pointer = join(storeDir, POINTER);
  await sweepLeftover(pointer);
  const path = join(tmpdir(), `${PREFIX}${randomBytes(6).toString('hex')}`);
  // The pointer first: a process that dies in between leaves a name without a folder, not the reverse.
  await writeFile(pointer, path);
  await mkdir(path, { mode: 0o711 });
  let next = 0;
  const sweeper = new ScratchSweeper();
  return {
    path,
    scratch: async (label) => {
      next += 1;
      const dir = join(path, `${label}-${next}`);
      mkdirSync(dir, { mode: 0o711 });
      return dir;
    },
    discard: (dir) => sweeper.take(dir),
    [Symbol.asyncDispose]: async () => {
      await sweeper[Symbol.asyncDispose]();
      // Where something is left, the next run over this store tries again.
      if (await removeScratch(path)) await rm(pointer, { force: true });
    },
  };
}

async function sweepLeftover(pointer: string): Promise<void> {
  let leftover: string;
  try {
    leftover = (await readFile(pointer, 'utf8')).trim();
  } catch {
    return;
  }
  if (LEFTOVER.test(leftover)) await removeScratch(leftover);
  await rm(pointer, { force: true });
}
