import { symlink } from 'node:fs/promises';
import type { WorkspaceChange } from '../agents/agent.ts';
import {
  makeWorkspaceFolder,
  prepareTarget,
  removeWorkspacePath,
  writeWorkspaceFile,
} from './workspace-files.ts';

/** Carries out a builtin agent's changes, in order; a later change replaces an earlier one. */
export async function applyChanges(
  workspaceDir: string,
  changes: readonly WorkspaceChange[],
): Promise<void> {
  for (const change of changes) await applyChange(workspaceDir, change);
}

async function applyChange(root: string, change: WorkspaceChange): Promise<void> {
  switch (change.op) {
    case 'write':
      await writeWorkspaceFile(root, change.path, change.content, change.executable ?? false);
      return;
    case 'mkdir':
      await makeWorkspaceFolder(root, change.path);
      return;
    case 'delete':
      await removeWorkspacePath(root, change.path);
      return;
    case 'symlink':
      await symlink(change.target, await prepareTarget(root, change.path));
      return;
  }
}
