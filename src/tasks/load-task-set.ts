import { lstat } from 'node:fs/promises';
import type { ClawTask } from '../api/claw-task.ts';
import { ClawError } from '../base/error.ts';
import { detectFormat } from './import/detect-format.ts';
import { DEFAULT_IMPORT_LIMITS, type ImportLimits } from './import/import-limits.ts';
import type { ImportProblem } from './import/import-problem.ts';
import { collectTasks } from './import/import-tasks.ts';
import type { Importer, SourceFormat } from './import/importer.ts';
import type { InputOverlay } from './input-overlay.ts';
import { taskSetDigest } from './set/task-set-bytes.ts';
import type { AgentCodeScanner } from './task-draft.ts';
import type { TaskSet } from './task-set.ts';

export interface LoadTaskSetOptions {
  /** Classes code verifiers by static scan; passed in, since the scan belongs to the verifiers. */
  readonly scanAgentCode: AgentCodeScanner;
  readonly signal: AbortSignal;
  /** Absent: detected. */
  readonly format?: SourceFormat | undefined;
  readonly overlay?: InputOverlay | undefined;
  readonly strictUpstream?: boolean | undefined;
  readonly limits?: ImportLimits | undefined;
}

export interface LoadedTaskSet {
  readonly set: TaskSet;
  readonly format: SourceFormat;
  /** Why tasks were refused, one entry a reason; empty where all were taken. */
  readonly problems: readonly ImportProblem[];
  /** Tasks that were refused. */
  readonly refused: number;
  readonly warnings: readonly string[];
  /** Releases the file behind a task set; blobs cannot be read afterwards. */
  close(): Promise<void>;
}

/** Each importer is loaded where its format is met: parsers and schemas of the others cost a start. */
const IMPORTERS: Readonly<Record<Exclude<SourceFormat, 'task-set'>, () => Promise<Importer>>> = {
  'clawgym-directory': async () =>
    (await import('./import/clawgym-directory.ts')).importClawGymDirectory,
  'clawgym-jsonl': async () => (await import('./import/clawgym-jsonl.ts')).importClawGymJsonl,
  pinchbench: async () => (await import('./import/pinchbench.ts')).importPinchBench,
  harbor: async () => (await import('./import/harbor.ts')).importHarbor,
  manifest: async () => (await import('./import/manifest.ts')).importManifest,
};

/**
 * Loads the tasks at a path, whatever kind it is: a task-set file or any source that can be
 * imported. Refused tasks are reported, not thrown; throws where the source cannot be read at all or
 * holds no task.
 */
export async function loadTaskSet(
  path: string,
  options: LoadTaskSetOptions,
): Promise<LoadedTaskSet> {
  const format = options.format ?? (await detectFormat(path));
  await checkKind(path, format);
  if (format === 'task-set') {
    if (options.overlay) {
      throw new ClawError(
        'InvalidInput',
        `${path}: an overlay applies where tasks are imported, and this is a finished task set`,
      );
    }
    const { openTaskSet } = await import('./set/open-task-set.ts');
    const set = await openTaskSet(path, options.signal);
    return { set, format, problems: [], refused: 0, warnings: [], close: () => set.close() };
  }
  return await collect(format, await IMPORTERS[format](), path, options);
}

/** The same for ClawTask objects that were read already; `file` names their manifest in messages. */
export async function loadClawTasks(
  objects: readonly ClawTask[],
  file: string,
  options: LoadTaskSetOptions,
): Promise<LoadedTaskSet> {
  const { clawTaskSteps } = await import('./import/manifest.ts');
  return await collect('manifest', () => clawTaskSteps(objects, file), file, options);
}

async function collect(
  format: SourceFormat,
  importer: Importer,
  path: string,
  options: LoadTaskSetOptions,
): Promise<LoadedTaskSet> {
  const { entries, blobs, problems, refused, warnings } = await collectTasks(
    format,
    importer,
    path,
    {
      scanAgentCode: options.scanAgentCode,
      limits: options.limits ?? DEFAULT_IMPORT_LIMITS,
      signal: options.signal,
      overlay: options.overlay,
      strictUpstream: options.strictUpstream ?? false,
    },
  );
  if (entries.length === 0 && refused === 0) {
    throw new ClawError('InvalidInput', `${path}: no ${format} task in it`);
  }
  const digest = await taskSetDigest(entries, blobs, options.signal);
  return {
    set: { digest, tasks: entries, blobs },
    format,
    problems,
    refused,
    warnings,
    close: () => Promise.resolve(),
  };
}

const KINDS: Readonly<Record<SourceFormat, readonly ('file' | 'folder')[]>> = {
  'clawgym-directory': ['folder'],
  'clawgym-jsonl': ['file'],
  pinchbench: ['file', 'folder'],
  harbor: ['folder'],
  manifest: ['file'],
  'task-set': ['file'],
};

/** A pipe would hold up whoever opens it, so the kind is looked at before. */
async function checkKind(path: string, format: SourceFormat): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) throw new ClawError('NotFound', `${path}: no such file or folder`);
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : undefined;
  if (kind !== undefined && KINDS[format].includes(kind)) return;
  throw new ClawError(
    kind === undefined ? 'UnsafePath' : 'InvalidInput',
    `${path}: got a ${kind ?? 'link or special file'}, expected a ${KINDS[format].join(' or ')} for the format ${format}`,
  );
}
