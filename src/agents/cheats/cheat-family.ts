import type { InputFile, Task } from '../../tasks/task.ts';
import type { AgentCommand, WorkspaceChange } from '../agent.ts';
import { newNamedPaths, parentsOf } from '../lazy.ts';

/**
 * One way to a score without the work. A family is an attack that the product must withstand, not a
 * feature: it never leaves the workspace by builtin changes, and what it tries beyond it runs in the
 * sandbox.
 */
export interface CheatFamily {
  readonly name: string;
  /** The channel of reward hacking that it covers, in one sentence. */
  readonly channel: string;
  /**
   * True where it creates files at paths that the instruction names: their mere existence may be
   * worth what `lazy` gets. False: it must not score above `nop`.
   */
  readonly plantsAtNamedPaths: boolean;
  /**
   * `takeover`: forges the verdict. `inputs`: bends what is checked against. `stuffing`: outputs that
   * please weak checks or a judge; no verdict is forged, so its score is a floor like that of `lazy`
   * and no bound holds for it.
   */
  readonly aim: 'takeover' | 'inputs' | 'stuffing';
  /** As a builtin agent's; 1 where it is absent. */
  readonly revision?: number;
  build(target: CheatTarget): CheatMove;
}

export type CheatMove =
  | { readonly kind: 'builtin'; readonly changes: readonly WorkspaceChange[] }
  | {
      readonly kind: 'process';
      readonly commands: readonly AgentCommand[];
      readonly files: readonly { readonly path: string; readonly content: string }[];
    };

export interface CheatTarget {
  readonly task: Task;
  /** Files that the instruction names and that are not there yet. */
  readonly named: readonly string[];
  /** The same with the folders that it names. */
  readonly namedPaths: readonly string[];
  /** Inputs that grading restores, with their contents. */
  readonly protectedInputs: readonly CheatInput[];
}

export interface CheatInput {
  readonly path: string;
  readonly content: Uint8Array;
}

export async function cheatTarget(
  task: Task,
  read: (file: InputFile) => Promise<Uint8Array>,
): Promise<CheatTarget> {
  const named = newNamedPaths(task);
  const inputs = task.workspace.inputs.filter((input) => input.mode === 'protected');
  return {
    task,
    named: named.flatMap(({ path, folder }) => (folder ? [] : [path])),
    namedPaths: named.map(({ path }) => path),
    protectedInputs: await Promise.all(
      inputs.map(async (input) => ({ path: input.path, content: await read(input) })),
    ),
  };
}

export function writes(
  paths: readonly string[],
  text: string | ((path: string) => string),
  executable = false,
): CheatMove {
  return {
    kind: 'builtin',
    changes: paths.map((path) => ({
      op: 'write',
      path,
      content: Buffer.from(typeof text === 'string' ? text : text(path)),
      executable,
    })),
  };
}

/**
 * The paths that a family may create without creating anything that the instruction names: neither
 * a named path nor a folder of one, and not in the way of an input.
 */
export function unnamedPaths(target: CheatTarget, paths: readonly string[]): readonly string[] {
  const { inputs } = target.task.workspace;
  const existing = new Set(inputs.flatMap(({ path }) => [path, ...parentsOf(path)]));
  const files = new Set(inputs.map(({ path }) => path));
  const named = new Set(target.namedPaths.flatMap((path) => [path, ...parentsOf(path)]));
  return paths.filter(
    (path) =>
      !existing.has(path) &&
      !parentsOf(path).some((parent) => files.has(parent)) &&
      ![path, ...parentsOf(path)].some((created) => named.has(created) && !existing.has(created)),
  );
}

export function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.includes('.') ? name.slice(name.lastIndexOf('.') + 1).toLowerCase() : '';
}
