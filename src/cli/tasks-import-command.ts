import { lstat } from 'node:fs/promises';
import { ClawError } from '../base/error.ts';
import { table } from '../base/table.ts';
import type { LoadedTaskSet } from '../tasks/load-task-set.ts';
import { isTaskSet } from '../tasks/set/is-task-set.ts';
import { writeTaskSet } from '../tasks/set/write-task-set.ts';
import { distinctBlobs } from '../tasks/task-files.ts';
import { fileToWrite } from './file-to-write.ts';
import { stopSignal } from './stop-signal.ts';
import { loadTasksSource, type TasksSourceOptions } from './tasks-source.ts';

export interface TasksImportOptions extends TasksSourceOptions {
  readonly out: string;
  readonly skipInvalid?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** `clawgym tasks import PATH -o FILE`. */
export async function tasksImportCommand(path: string, options: TasksImportOptions): Promise<void> {
  using stop = stopSignal((text) => process.stderr.write(text));
  const loaded = await loadTasksSource(path, options, stop.signal);
  try {
    const skipped = options.skipInvalid === true;
    const taken = skipped || loaded.problems.length === 0;
    const file =
      taken && loaded.set.tasks.length > 0
        ? await write(loaded, options.out, stop.signal)
        : undefined;
    print(loaded, file, options.json === true);
    if (loaded.set.tasks.length === 0)
      throw new ClawError(
        'InvalidTask',
        `${path}: ${loaded.refused === 1 ? 'the only task was' : `all ${loaded.refused} tasks were`} refused`,
      );
    if (!taken) {
      throw new ClawError(
        'InvalidTask',
        `${path}: ${loaded.refused} of ${loaded.refused + loaded.set.tasks.length} tasks were refused and nothing was written; --skip-invalid leaves them out`,
      );
    }
  } finally {
    await loaded.close();
  }
}

async function write(loaded: LoadedTaskSet, out: string, signal: AbortSignal): Promise<string> {
  const file = await fileToWrite(out, `${loaded.set.digest}.tar`);
  const there = await lstat(file).catch(() => undefined);
  if (there !== undefined && !(await isTaskSet(file))) {
    throw new ClawError(
      'Conflict',
      `${file}: already there and no task set, so it is not replaced; remove it or choose another --out`,
    );
  }
  await writeTaskSet(file, loaded.set.tasks, loaded.set.blobs, signal);
  return file;
}

function print(
  { set, format, problems, refused, warnings }: LoadedTaskSet,
  file: string | undefined,
  json: boolean,
): void {
  const blobs = distinctBlobs(set.tasks.map(({ task }) => task));
  if (json) {
    const result = {
      digest: set.digest,
      file: file ?? null,
      format,
      tasks: set.tasks.length,
      refused,
      blobs: blobs.length,
      problems,
      warnings,
    };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  process.stdout.write(
    table(
      ['DIGEST', 'FORMAT', 'TASKS', 'REFUSED', 'FILES', 'WRITTEN'],
      [
        [
          `sha256:${set.digest.slice(0, 12)}`,
          format,
          String(set.tasks.length),
          String(refused),
          String(blobs.length),
          file ?? '<none>',
        ],
      ],
    ),
  );
}
