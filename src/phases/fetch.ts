import { mkdirSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Sha256 } from '../base/brand.ts';
import type { Finding } from '../rollouts/outcome.ts';
import type { VerificationKind } from '../store/records.ts';
import type { CodeVerifier, Task } from '../tasks/task.ts';
import type { BlobSource } from '../tasks/task-set.ts';
import { removeShadows } from './remove-shadows.ts';
import { findChangedInputs, inputFindings, restoreInputs } from './restore-inputs.ts';
import type { SnapshotCaps } from './snapshot-caps.ts';
import { stage } from './stage.ts';
import { unpackSnapshot } from './unpack-snapshot.ts';
import { writeWorkspaceFile } from './workspace-files.ts';

/** What `fetch` needs to read: the stored snapshot and the task's files. */
export interface FetchSources {
  /** Verified at its end at the latest; nothing unpacked from it counts before. */
  readonly streamArtifact: (digest: Sha256) => Promise<Readable>;
  readonly blobs: BlobSource;
  readonly caps: SnapshotCaps;
}

/**
 * Makes the scratch workspace that one verification grades. `main` and `doubled`: the snapshot with
 * protected inputs restored and planted library modules removed; `asLeft`: the snapshot untouched;
 * `pristine`: the task's inputs alone. Returns what was put right, as findings.
 */
export async function fetchWorkspace(
  task: Task,
  snapshot: Sha256 | undefined,
  kind: VerificationKind,
  scratchDir: string,
  sources: FetchSources,
): Promise<readonly Finding[]> {
  if (kind === 'pristine' || snapshot === undefined) {
    await stage(task, sources.blobs, scratchDir);
    return [];
  }
  mkdirSync(scratchDir, { recursive: true, mode: 0o755 });
  await unpackSnapshot(await sources.streamArtifact(snapshot), scratchDir, sources.caps);
  return kind === 'asLeft' ? [] : await correctWorkspace(task, scratchDir, sources.blobs);
}

/**
 * Restores protected inputs and removes planted library modules, in place. Everything that grades
 * what somebody left behind does this first. Returns what was put right, as findings.
 */
export async function correctWorkspace(
  task: Task,
  scratchDir: string,
  blobs: BlobSource,
): Promise<readonly Finding[]> {
  const changed = await findChangedInputs(scratchDir, task.workspace.inputs);
  await restoreInputs(scratchDir, changed, blobs);
  return [...inputFindings(changed), ...(await removeShadows(scratchDir, task))];
}

/** Writes the verifier's files to a folder of their own, outside any workspace. */
export async function fetchVerifier(
  verifier: CodeVerifier,
  blobs: BlobSource,
  verifierDir: string,
): Promise<void> {
  mkdirSync(verifierDir, { recursive: true, mode: 0o755 });
  for (const file of verifier.files) {
    const content = await blobs.read(file.digest);
    await writeWorkspaceFile(verifierDir, file.path, content, file.executable);
  }
}
