import { mkdirSync } from 'node:fs';
import type { Task } from '../tasks/task.ts';
import type { BlobSource } from '../tasks/task-set.ts';
import { writeWorkspaceFile } from './workspace-files.ts';

/** Lays out the task's input files in a fresh folder: the workspace an agent starts from. */
export async function stage(task: Task, blobs: BlobSource, workspaceDir: string): Promise<void> {
  mkdirSync(workspaceDir, { recursive: true, mode: 0o755 });
  for (const input of task.workspace.inputs) {
    await writeWorkspaceFile(
      workspaceDir,
      input.path,
      await blobs.read(input.digest),
      input.executable,
    );
  }
}
