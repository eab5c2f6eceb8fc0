import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { ClawError } from '../base/error.ts';
import { table } from '../base/table.ts';
import { clawGymFolder } from '../tasks/export/clawgym-directory.ts';
import { clawGymRow } from '../tasks/export/clawgym-jsonl.ts';
import { type HarborExportOptions, harborFolder } from '../tasks/export/harbor.ts';
import { refuseExisting, writeFolders } from '../tasks/export/write-folder.ts';
import { DEFAULT_IMPORT_LIMITS } from '../tasks/import/import-limits.ts';
import type { TaskSet } from '../tasks/task-set.ts';
import { agentCodeScanner } from '../verifiers/scan-agent-code.ts';
import { cliEnvironment } from './environment.ts';
import { fileToWrite, outPath } from './file-to-write.ts';
import { stopSignal } from './stop-signal.ts';
import { type JobTasksFlags, loadPathOrJob } from './synthesis/accepted-set.ts';
import type { EXPORT_FORMATS } from './tasks-commands.ts';

export interface TasksExportOptions extends JobTasksFlags {
  readonly format: (typeof EXPORT_FORMATS)[number];
  readonly out: string;
  readonly image: string;
  readonly json?: boolean | undefined;
}

/** `clawgym tasks export PATH|synthesisjob/NAME --format FORMAT --out PATH`. */
export async function tasksExportCommand(path: string, options: TasksExportOptions): Promise<void> {
  using stop = stopSignal((text) => process.stderr.write(text));
  const { format: _written, out: _place, ...from } = options;
  const loaded = await loadPathOrJob(path, from, cliEnvironment(), stop.signal);
  try {
    if (loaded.problems.length > 0) {
      throw new ClawError(
        'InvalidTask',
        `${path}: ${loaded.refused} tasks were refused; import it with --skip-invalid first`,
      );
    }
    const written = await exportSet(loaded.set, options, stop.signal);
    const count = loaded.set.tasks.length;
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ format: options.format, tasks: count, path: written }, null, 2)}\n`
        : table(['FORMAT', 'TASKS', 'WRITTEN'], [[options.format, String(count), written]]),
    );
  } finally {
    await loaded.close();
  }
}

async function exportSet(
  set: TaskSet,
  options: TasksExportOptions,
  signal: AbortSignal,
): Promise<string> {
  const exporting: HarborExportOptions = {
    scanAgentCode: agentCodeScanner,
    limits: DEFAULT_IMPORT_LIMITS,
    image: options.image,
  };
  if (options.format === 'clawgym-jsonl') return exportRows(set, options.out, exporting, signal);
  const build = options.format === 'harbor' ? harborFolder : clawGymFolder;
  const folders = set.tasks.map(({ task }) => ({
    name: task.id,
    files: () => build(task, set.blobs, exporting),
  }));
  await writeFolders(outPath(options.out), folders, signal);
  return options.out;
}

/** One file of rows, which appears whole or not at all. */
async function exportRows(
  set: TaskSet,
  out: string,
  exporting: HarborExportOptions,
  signal: AbortSignal,
): Promise<string> {
  const file = await fileToWrite(out, 'tasks.jsonl');
  const aside = `${file}.${randomUUID()}.tmp`;
  await refuseExisting(file);
  try {
    await using handle = await open(aside, 'wx');
    for (const { task } of set.tasks) {
      signal.throwIfAborted();
      await handle.writeFile(`${await clawGymRow(task, set.blobs, exporting)}\n`);
    }
    await refuseExisting(file);
    await rename(aside, file);
  } catch (cause) {
    await rm(aside, { force: true });
    throw cause;
  }
  return file;
}
