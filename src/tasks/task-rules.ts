import { ClawError } from '../base/error.ts';
import type { ImportLimits } from './import/import-limits.ts';
import { fieldError } from './import/import-problem.ts';
import type { Task, TaskFile } from './task.ts';
import { unsafePathReason } from './task-paths.ts';

/**
 * What the schema of a task cannot say of its files, for tasks that are read from a store. Throws
 * `UnsafePath`, `InvalidTask` or `TooLarge` with the field.
 */
export function checkTaskRules(task: Task, limits: FileLimits): void {
  checkFiles(
    new Map([
      ['workspace.inputs', task.workspace.inputs],
      ['verifier.files', task.verifier?.files ?? []],
      ['solution.files', task.solution?.files ?? []],
      ['environment.build.files', task.environment.build?.files ?? []],
    ]),
    limits,
  );
  checkReferences(task);
}

/** Files by the field that an error names. */
type Groups = ReadonlyMap<string, readonly FileSize[]>;
type FileSize = Pick<TaskFile, 'path' | 'size'>;
type FileLimits = Pick<ImportLimits, 'fileBytes' | 'taskBytes' | 'taskFiles'>;

/** Paths, sizes and count of a task's files. Throws `UnsafePath`, `InvalidTask` or `TooLarge`. */
export function checkFiles(groups: Groups, limits: FileLimits): void {
  let bytes = 0;
  let count = 0;
  for (const [field, files] of groups) {
    checkPaths(field, files);
    for (const [index, { path, size }] of files.entries()) {
      if (size > limits.fileBytes) {
        throw fieldError(
          'TooLarge',
          `${field}[${index}] ${path}`,
          `${size} bytes`,
          `at most ${limits.fileBytes} bytes a file`,
        );
      }
      bytes += size;
      count += 1;
    }
  }
  if (bytes > limits.taskBytes) {
    throw fieldError(
      'TooLarge',
      'files',
      `${bytes} bytes`,
      `at most ${limits.taskBytes} bytes a task`,
    );
  }
  if (count > limits.taskFiles) {
    throw fieldError(
      'TooLarge',
      'files',
      `${count} files`,
      `at most ${limits.taskFiles} files a task`,
    );
  }
}

/** Unsafe, repeated and clashing paths: the same name in another case, a file where a folder is. */
function checkPaths(field: string, files: readonly FileSize[]): void {
  const seen = new Map<string, string>();
  const folders = new Map<string, string>();
  for (const [index, { path }] of files.entries()) {
    const place = `${field}[${index}].file_path`;
    const reason = unsafePathReason(path);
    if (reason !== undefined) {
      throw fieldError(
        'UnsafePath',
        place,
        path,
        `a relative path inside its folder (this one ${reason})`,
      );
    }
    const folded = path.normalize('NFC').toLowerCase();
    const twin = seen.get(folded);
    if (twin !== undefined) {
      const how =
        twin === path
          ? 'appears twice'
          : `clashes with ${JSON.stringify(twin)} on systems that ignore case`;
      throw fieldError('InvalidTask', place, path, `each path once (it ${how})`);
    }
    seen.set(folded, path);
    for (let cut = folded.lastIndexOf('/'); cut > 0; cut = folded.lastIndexOf('/', cut - 1)) {
      folders.set(folded.slice(0, cut), path);
    }
  }
  for (const [folded, path] of seen) {
    const inside = folders.get(folded);
    if (inside !== undefined) {
      throw fieldError(
        'InvalidTask',
        field,
        path,
        `a file or a folder, not both (${JSON.stringify(inside)} needs a folder)`,
      );
    }
  }
}

/** Entry and script are among the files. */
export function checkReferences(task: Task): void {
  const { verifier, solution } = task;
  if (verifier && !verifier.files.some(({ path }) => path === verifier.entry)) {
    throw fieldError(
      'InvalidTask',
      'verifier.entry',
      verifier.entry,
      `one of the verifier's files (${verifier.files.map(({ path }) => path).join(', ')})`,
    );
  }
  if (
    solution?.script !== undefined &&
    !solution.files.some(({ path }) => path === solution.script)
  ) {
    throw fieldError(
      'InvalidTask',
      'solution.script',
      solution.script,
      "one of the solution's files",
    );
  }
}

/** Something can score the task. Throws `InvalidTask`. */
export function checkScorable(task: Task): void {
  if (task.verifier === undefined && task.rubric === undefined) {
    throw new ClawError(
      'InvalidTask',
      'the task has neither a code verifier nor a rubric; nothing could score it',
    );
  }
}
