import { distinctNamedPaths, type NamedPath } from '../tasks/named-paths.ts';
import type { Task } from '../tasks/task.ts';
import type { Agent, WorkspaceChange } from './agent.ts';
import { builtinAgent } from './builtin-agent.ts';
import { placeholderFor } from './placeholders.ts';

/** `empty`: files without content; `placeholder`: the smallest valid file of the type. */
export type LazyStyle = 'empty' | 'placeholder';

/**
 * Creates every path that the instruction names and that is not there yet, and does nothing else:
 * the floor that a score has to be read against.
 */
export function lazyAgent(style: LazyStyle): Agent {
  const name = style === 'placeholder' ? 'lazy' : 'lazy:empty';
  return builtinAgent({
    name,
    revision: 1,
    config: { style },
    plan: (task) => Promise.resolve({ kind: 'builtin', changes: lazyChanges(task, style) }),
  });
}

export function lazyChanges(task: Task, style: LazyStyle): readonly WorkspaceChange[] {
  return newNamedPaths(task).map(({ path, folder }): WorkspaceChange => {
    if (folder) return { op: 'mkdir', path };
    const text = style === 'empty' ? '' : placeholderFor(path);
    return { op: 'write', path, content: Buffer.from(text) };
  });
}

/**
 * The paths named in any turn that are neither inputs nor in the way of one: nothing that exists is
 * replaced, and no file stands where another path needs a folder.
 */
export function newNamedPaths(task: Task): readonly NamedPath[] {
  const text = task.instruction.turns.map((turn) => turn.text).join('\n');
  const inputs = new Set(task.workspace.inputs.map((input) => input.path));
  const inputFolders = new Set([...inputs].flatMap(parentsOf));
  const named = distinctNamedPaths(text, task.workspace.path).filter(
    ({ path }) =>
      !inputs.has(path) &&
      !inputFolders.has(path) &&
      !parentsOf(path).some((parent) => inputs.has(parent)),
  );
  const folders = new Set(named.flatMap(({ path }) => parentsOf(path)));
  return named.filter(({ path, folder }) => folder || !folders.has(path));
}

/** The folders above a path: `a/b/c` -> `a`, `a/b`. */
export function parentsOf(path: string): readonly string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_name, index) => names.slice(0, index + 1).join('/'));
}
