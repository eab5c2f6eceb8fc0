import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import { finishTask } from '../finish-task.ts';
import { MemoryBlobs } from '../memory-blobs.ts';
import type { AgentCode } from '../task.ts';
import type { AgentCodeScanner } from '../task-draft.ts';
import type { TaskEntry } from '../task-set.ts';
import type { ImportPlace, ImportProblem } from './import-problem.ts';
import { fieldError, placeText, problemsOf } from './import-problem.ts';
import type { Importer, ImportOptions, ImportResult, SourceFormat } from './importer.ts';

/**
 * Imports every task of a source and reports every refusal; one bad task never hides the others.
 * Throws only where the source as a whole cannot be read.
 */
export async function collectTasks(
  format: SourceFormat,
  importer: Importer,
  path: string,
  options: ImportOptions,
): Promise<ImportResult> {
  const blobs = new MemoryBlobs();
  const entries: TaskEntry[] = [];
  const problems: ImportProblem[] = [];
  const warnings: string[] = [];
  const ids = new Map<string, ImportPlace>();
  const scanAgentCode = rememberedScan(options.scanAgentCode);
  let refused = 0;
  for await (const step of importer(path, options)) {
    options.signal.throwIfAborted();
    if ('warning' in step) {
      warnings.push(`${placeText(step.place)}: ${step.warning}`);
      continue;
    }
    try {
      if ('failed' in step) throw step.failed;
      if (ids.size >= options.limits.tasks) throw tooMany(options.limits.tasks);
      const entry = finishTask(step.draft, { ...options, scanAgentCode, blobs });
      const { id } = entry.task;
      // The id of an exported task may stand in its extension, so only the finished task tells it.
      checkId(id, ids);
      entries.push(entry);
      ids.set(id.toLowerCase(), step.place);
    } catch (failed) {
      options.signal.throwIfAborted();
      refused += 1;
      const task = 'draft' in step ? { task: step.draft.id } : {};
      problems.push(...problemsOf(failed, { ...step.place, ...task }));
    }
    if (blobs.size > options.limits.sourceBytes) {
      throw new ClawError(
        'TooLarge',
        `${path}: its files have more than ${options.limits.sourceBytes} bytes up to ${placeText(step.place)}; import it in parts`,
      );
    }
  }
  problems.push(...overlayProblems(options, entries, refused));
  return { format, entries, blobs, problems, refused, warnings };
}

/** The scan is a function of files and dialect alone, and data sets repeat verifiers. */
function rememberedScan(scan: AgentCodeScanner): AgentCodeScanner {
  const seen = new Map<string, AgentCode>();
  return (files, dialect) => {
    const parts = files.map(({ path, content }) => `${path}\0${sha256(content)}`);
    const key = [dialect, ...parts].join('\0');
    const known = seen.get(key) ?? scan(files, dialect);
    seen.set(key, known);
    return known;
  };
}

function checkId(id: string, ids: ReadonlyMap<string, ImportPlace>): void {
  const earlier = ids.get(id.toLowerCase());
  if (earlier !== undefined) {
    throw fieldError(
      'InvalidTask',
      'task_id',
      id,
      `an id that no other task has (${placeText(earlier)} has it, ignoring case)`,
    );
  }
}

function tooMany(limit: number): ClawError {
  return new ClawError('TooLarge', `a source of more than ${limit} tasks; split it`);
}

/** An overlay entry for a task that is not there is a mistake, not a wish. */
function overlayProblems(
  options: ImportOptions,
  entries: readonly TaskEntry[],
  refused: number,
): ImportProblem[] {
  if (refused > 0) return [];
  const known = new Set(entries.map(({ task }) => task.id));
  return Object.keys(options.overlay?.tasks ?? {})
    .filter((id) => !known.has(id))
    .flatMap((id) =>
      problemsOf(fieldError('InvalidTask', 'tasks', id, 'the id of an imported task'), {
        file: 'overlay',
      }),
    );
}
