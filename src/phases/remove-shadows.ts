import { lstat, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Finding } from '../rollouts/outcome.ts';
import { namedPaths } from '../tasks/named-paths.ts';
import type { Task } from '../tasks/task.ts';
import { LIBRARY_MODULES } from './library-modules.ts';
import { removeWorkspacePath } from './workspace-files.ts';

/**
 * Removes files that an agent put beside the task's own Python programs under the name of a library
 * module: Python looks beside the program first, so a planted `json.py` decides what an untouched input
 * script does when a verifier runs it (measured: it pays on 3 of 200 public training tasks). Only for verifiers that run agent code; what the instruction names and what the task brought
 * stays.
 */
export async function removeShadows(workspaceDir: string, task: Task): Promise<readonly Finding[]> {
  if (task.verifier === undefined || task.verifier.agentCode === 'none') return [];
  const own = new Set(task.workspace.inputs.map(({ path }) => path));
  const named = namedByInstruction(task);
  const findings: Finding[] = [];
  for (const folder of programFolders(task)) {
    for (const name of await listFolder(join(workspaceDir, folder))) {
      const path = folder === '.' ? name : `${folder}/${name}`;
      if (own.has(path) || named.has(path) || hasOwnBelow(own, path)) continue;
      if (!(await shadows(join(workspaceDir, path), name))) continue;
      await removeWorkspacePath(workspaceDir, path);
      const message = `${path} would stand in for a library module beside the task's own program; removed for grading`;
      findings.push({ code: 'ShadowingModuleRemoved', message });
    }
  }
  return findings;
}

/** Folders from which the task's programs import, and the root, from which test runners do. */
function programFolders(task: Task): ReadonlySet<string> {
  const programs = task.workspace.inputs.filter(({ path }) => path.endsWith('.py'));
  if (programs.length === 0) return new Set();
  return new Set(['.', ...programs.map(({ path }) => dirname(path))]);
}

function namedByInstruction(task: Task): ReadonlySet<string> {
  const { turns } = task.instruction;
  const paths = turns.flatMap(({ text }) => namedPaths(text, task.workspace.path));
  return new Set(paths.map(({ path }) => path.replace(/\/$/, '')));
}

function hasOwnBelow(own: ReadonlySet<string>, path: string): boolean {
  return [...own].some((input) => input.startsWith(`${path}/`));
}

/** A module file of any form, or a package folder: one without `__init__` never wins over a library. */
async function shadows(path: string, name: string): Promise<boolean> {
  const stats = await lstat(path);
  if (stats.isDirectory()) {
    if (!LIBRARY_MODULES.has(name)) return false;
    return (await listFolder(path)).some((entry) => entry.startsWith('__init__.'));
  }
  return /\.(py|pyc|so)$/.test(name) && LIBRARY_MODULES.has(name.split('.', 1)[0] ?? '');
}

async function listFolder(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).toSorted();
  } catch {
    return [];
  }
}
