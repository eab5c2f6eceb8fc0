import type { ImportLimits } from '../import/import-limits.ts';
import type { Task, TaskFile } from '../task.ts';
import type { AgentCodeScanner, DraftFile } from '../task-draft.ts';
import type { BlobSource } from '../task-set.ts';

export interface ExportOptions {
  readonly scanAgentCode: AgentCodeScanner;
  readonly limits: ImportLimits;
}

/** A task's files with their contents. */
export interface LoadedFiles {
  readonly inputs: readonly DraftFile[];
  readonly verifier: readonly DraftFile[];
  readonly solution: readonly DraftFile[];
  readonly build: readonly DraftFile[];
}

export async function loadFiles(task: Task, blobs: BlobSource): Promise<LoadedFiles> {
  const load = (files: readonly TaskFile[] = []): Promise<DraftFile[]> =>
    Promise.all(
      files.map(async ({ path, digest, executable }) => ({
        path,
        executable,
        content: await blobs.read(digest),
      })),
    );
  return {
    inputs: await load(task.workspace.inputs),
    verifier: await load(task.verifier?.files),
    solution: await load(task.solution?.files),
    build: await load(task.environment.build?.files),
  };
}
