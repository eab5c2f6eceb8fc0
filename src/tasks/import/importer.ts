import type { InputOverlay } from '../input-overlay.ts';
import type { MemoryBlobs } from '../memory-blobs.ts';
import type { AgentCodeScanner, TaskDraft } from '../task-draft.ts';
import type { TaskEntry } from '../task-set.ts';
import type { ImportLimits } from './import-limits.ts';
import type { ImportPlace, ImportProblem } from './import-problem.ts';

/** The kinds of source that can be imported. */
export const SOURCE_FORMATS = [
  'clawgym-directory',
  'clawgym-jsonl',
  'pinchbench',
  'harbor',
  'manifest',
  'task-set',
] as const;
export type SourceFormat = (typeof SOURCE_FORMATS)[number];

export interface ImportOptions {
  readonly scanAgentCode: AgentCodeScanner;
  readonly limits: ImportLimits;
  readonly signal: AbortSignal;
  readonly overlay?: InputOverlay | undefined;
  /** PinchBench only: split sections and graders exactly as upstream does, defects included. */
  readonly strictUpstream: boolean;
}

/** A task as an importer found it, or why it found none. */
export type ImportStep =
  | { readonly place: ImportPlace; readonly draft: TaskDraft }
  | { readonly place: ImportPlace; readonly failed: unknown }
  | { readonly place: ImportPlace; readonly warning: string };

/** Reads one source task by task; throws only where the source as a whole cannot be read. */
export type Importer = (path: string, options: ImportOptions) => AsyncGenerator<ImportStep>;

export interface ImportResult {
  readonly format: SourceFormat;
  readonly entries: readonly TaskEntry[];
  readonly blobs: MemoryBlobs;
  readonly problems: readonly ImportProblem[];
  /** How many tasks were refused; one task can have several problems. */
  readonly refused: number;
  readonly warnings: readonly string[];
}
