import { constants } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Finding } from '../rollouts/outcome.ts';
import { namedPaths } from '../tasks/named-paths.ts';
import type { Task } from '../tasks/task.ts';
import { LIBRARY_MODULES } from './library-modules.ts';
import { removeWorkspacePath } from './workspace-files.ts';

/**
 * Removes files that an agent put beside the task's own Python programs where Python takes them for another
 * module: under the name of a library module, since Python looks beside the program first (a planted
 * `json.py` decides what an untouched input script does; measured: it pays on 3 of 200 public training
 * tasks); or before a protected module of the task, as the package `rules/` and the library `rules.so` come
 * before `rules.py`. Also removes the compiled forms of protected modules, which Python takes for them where
 * a time and a size agree. An agent that just runs a program leaves some, so only those have a finding that
 * tell Python not to look at the source at all: it writes none of them by itself.
 *
 * Only for verifiers that run agent code; what the instruction names and what the task brought stays.
 */
export async function removeShadows(workspaceDir: string, task: Task): Promise<readonly Finding[]> {
  if (task.verifier === undefined || task.verifier.agentCode === 'none') return [];
  const own = new Set(task.workspace.inputs.map(({ path }) => path));
  const named = namedByInstruction(task);
  const findings: Finding[] = [];
  for (const { folder, modules } of programFolders(task)) {
    for (const name of await listFolder(join(workspaceDir, folder))) {
      const path = inFolder(folder, name);
      const kind = moduleKind(name, modules);
      if (kind === undefined || own.has(path) || named.has(path)) continue;
      for (const planted of await plantedAt(workspaceDir, path, own)) {
        if (named.has(planted)) continue;
        await removeWorkspacePath(workspaceDir, planted);
        findings.push({ code: 'ShadowingModuleRemoved', message: `${planted} ${SHADOWS[kind]}` });
      }
    }
    for (const path of await compiledAt(workspaceDir, folder, modules)) {
      if (own.has(path)) continue;
      if (await isUnchecked(join(workspaceDir, path)))
        findings.push({ code: 'ShadowingModuleRemoved', message: `${path} ${SHADOWS.compiled}` });
      await removeWorkspacePath(workspaceDir, path);
    }
  }
  return findings;
}

const SHADOWS = {
  library: "would stand in for a library module beside the task's own program; removed for grading",
  compiled:
    "would be run in place of the task's own module without a look at it; removed for grading",
  own: "would stand in for the task's own module of that name; removed for grading",
} as const;

interface ProgramFolder {
  readonly folder: string;
  /** Names under which programs here import the task's protected modules. */
  readonly modules: ReadonlySet<string>;
}

/** Folders from which the task's programs import, and the root, from which test runners do. */
function programFolders(task: Task): readonly ProgramFolder[] {
  const programs = task.workspace.inputs.filter(({ path }) => path.endsWith('.py'));
  // The scripts of Harbor start in the workspace, and so does the Python that they start.
  if (programs.length === 0 && task.verifier?.dialect !== 'harbor') return [];
  const folders = new Set(['.', ...programs.map(({ path }) => dirname(path))]);
  const given = programs.filter(({ mode }) => mode === 'protected').map(({ path }) => path);
  return [...folders].map((folder) => {
    const here = given.filter((path) => dirname(path) === folder);
    const below = given.map((path) => dirname(path)).filter((one) => dirname(one) === folder);
    const names = [
      ...here.map((path) => basename(path, '.py')),
      ...below.map((one) => basename(one)),
    ];
    return { folder, modules: new Set(names) };
  });
}

function namedByInstruction(task: Task): ReadonlySet<string> {
  const { turns } = task.instruction;
  const paths = turns.flatMap(({ text }) => namedPaths(text, task.workspace.path));
  return new Set(paths.map(({ path }) => path.replace(/\/$/, '')));
}

function inFolder(folder: string, name: string): string {
  return folder === '.' ? name : `${folder}/${name}`;
}

/** Whether an entry of a program's folder may be taken for a module of the library or of the task. */
function moduleKind(
  name: string,
  modules: ProgramFolder['modules'],
): 'own' | 'library' | undefined {
  const module = name.split('.', 1)[0] ?? '';
  if (name !== module && !/\.(py|pyc|so)$/.test(name)) return undefined;
  if (modules.has(module)) return 'own';
  return LIBRARY_MODULES.has(module) ? 'library' : undefined;
}

/**
 * What of an entry makes it a module: the file itself; a package folder, which without `__init__` never
 * wins over another module; in a folder that the task brought, an `__init__` that does something.
 */
async function plantedAt(
  workspaceDir: string,
  path: string,
  own: ReadonlySet<string>,
): Promise<readonly string[]> {
  if (!(await lstat(join(workspaceDir, path))).isDirectory())
    return /\.(py|pyc|so)$/.test(path) ? [path] : [];
  const entries = (await listFolder(join(workspaceDir, path))).filter((name) =>
    name.startsWith('__init__.'),
  );
  if (entries.length === 0) return [];
  if (![...own].some((input) => input.startsWith(`${path}/`))) return [path];
  const inits = entries.map((name) => `${path}/${name}`).filter((init) => !own.has(init));
  const facts = await Promise.all(inits.map((init) => lstat(join(workspaceDir, init))));
  return inits.filter((_, index) => facts[index]?.size !== 0);
}

/** What Python may have compiled, or be told that it has, of protected modules in a folder. */
async function compiledAt(
  workspaceDir: string,
  folder: string,
  modules: ProgramFolder['modules'],
): Promise<readonly string[]> {
  if (modules.size === 0) return [];
  const cache = inFolder(folder, '__pycache__');
  const names = await listFolder(join(workspaceDir, cache));
  return names
    .filter((name) => modules.has(name.split('.', 1)[0] ?? ''))
    .map((name) => `${cache}/${name}`);
}

/** The second word of a compiled module says how it is checked; 0 is by time and size. */
async function isUnchecked(path: string): Promise<boolean> {
  if (!(await lstat(path)).isFile()) return false;
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
  return bytesRead === 8 && buffer.readUInt32LE(4) !== 0;
}

async function listFolder(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).toSorted();
  } catch {
    return [];
  }
}
