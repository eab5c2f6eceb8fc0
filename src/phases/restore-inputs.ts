import { closeSync, constants, lstatSync, openSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../base/digest.ts';
import type { Finding } from '../rollouts/outcome.ts';
import type { InputFile } from '../tasks/task.ts';
import type { BlobSource } from '../tasks/task-set.ts';
import { writeWorkspaceFile } from './workspace-files.ts';

/** A protected input that the workspace does not hold as the task gave it. */
export interface ChangedInput {
  readonly input: InputFile;
  readonly change: 'changed' | 'deleted';
}

/** Compares a workspace with the task's protected inputs. Links count as deleted. */
export async function findChangedInputs(
  workspaceDir: string,
  inputs: readonly InputFile[],
): Promise<readonly ChangedInput[]> {
  const changed: ChangedInput[] = [];
  for (const input of inputs) {
    if (input.mode !== 'protected') continue;
    const change = await inputChange(join(workspaceDir, input.path), input);
    if (change !== undefined) changed.push({ input, change });
  }
  return changed;
}

/** Puts the task's own copies back (design: rollouts.md 7). */
export async function restoreInputs(
  workspaceDir: string,
  changed: readonly ChangedInput[],
  blobs: BlobSource,
): Promise<void> {
  for (const { input } of changed) {
    const content = await blobs.read(input.digest);
    await writeWorkspaceFile(workspaceDir, input.path, content, input.executable);
  }
}

/** One finding an input; the list of inputs is bounded by the task itself. */
export function inputFindings(changed: readonly ChangedInput[]): Finding[] {
  return changed.map(({ input, change }) =>
    change === 'deleted'
      ? { code: 'ProtectedInputDeleted', message: `input ${input.path} was deleted; restored` }
      : { code: 'ProtectedInputChanged', message: `input ${input.path} was changed; restored` },
  );
}

async function inputChange(
  path: string,
  input: InputFile,
): Promise<ChangedInput['change'] | undefined> {
  try {
    const stats = lstatSync(path);
    if (!stats.isFile()) return 'deleted';
    if (stats.size !== input.size) return 'changed';
    return sha256(await readNoFollow(path, stats.size)) === input.digest ? undefined : 'changed';
  } catch {
    return 'deleted';
  }
}

/** Up to here a file is read at once: a trip through the thread pool costs ten times the read. */
const AT_ONCE_BYTES = 256 * 1024;
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW;

async function readNoFollow(path: string, size: number): Promise<Uint8Array> {
  if (size <= AT_ONCE_BYTES) return readAtOnce(path);
  const file = await open(path, READ_FLAGS);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function readAtOnce(path: string): Uint8Array {
  const file = openSync(path, READ_FLAGS);
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}
