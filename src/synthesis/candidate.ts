import { finishTask } from '../tasks/finish-task.ts';
import { DEFAULT_IMPORT_LIMITS } from '../tasks/import/import-limits.ts';
import { MemoryBlobs } from '../tasks/memory-blobs.ts';
import { formatOf } from '../tasks/output-format.ts';
import type { DraftFile } from '../tasks/task-draft.ts';
import type { BlobSource, TaskEntry } from '../tasks/task-set.ts';
import { agentCodeScanner } from '../verifiers/scan-agent-code.ts';
import type { RecordData } from './record.ts';
import { clusterOf } from './sample.ts';

/** A task that is not admitted yet, with its files. */
export interface Candidate {
  readonly entry: TaskEntry;
  readonly blobs: BlobSource;
}

export const VERIFIER_ENTRY = 'check.py';
export const SOLUTION_SCRIPT = 'solve.sh';
export const WORKSPACE_PATH = '/workspace';

/** `<job>-0012`: the id of the task of a record. */
export function taskIdOf(job: string, number: number): string {
  return `${job}-${String(number).padStart(4, '0')}`;
}

/**
 * The task of a record as far as its stages have come; its files go to `blobs`. The same data give the
 * same digest.
 * Throws `InvalidTask`, `UnsafePath` or `TooLarge` where they make no task.
 */
export function candidateOf(
  id: string,
  data: RecordData,
  blobs: MemoryBlobs = new MemoryBlobs(),
): Candidate {
  const { draft, files = [], solution, verifier, rubric, sample } = data;
  const entry = finishTask(
    {
      id,
      instruction: { turns: [{ text: draft?.instruction ?? '' }] },
      workspacePath: WORKSPACE_PATH,
      inputs: files.map(draftFile),
      outputs: (draft?.outputs ?? []).map((path) => ({ path, format: formatOf(path) })),
      ...(verifier !== undefined && {
        verifier: {
          dialect: 'check-json',
          entry: VERIFIER_ENTRY,
          files: verifier.map(draftFile),
        } as const,
      }),
      ...(solution !== undefined && { solution: solutionOf(solution) }),
      ...(rubric !== undefined && rubric.length > 0 && { rubric }),
      timeouts: { agentSeconds: 900, verifierSeconds: 60 },
      category: sample.category.group,
      cluster: clusterOf(sample),
      extra: { title: draft?.title ?? '', difficulty: draft?.difficulty ?? 0 },
    },
    {
      blobs,
      limits: DEFAULT_IMPORT_LIMITS,
      scanAgentCode: agentCodeScanner,
    },
  );
  return { entry, blobs };
}

function solutionOf(files: NonNullable<RecordData['solution']>) {
  const script = files.some(({ path }) => path === SOLUTION_SCRIPT);
  return { files: files.map(draftFile), ...(script && { script: SOLUTION_SCRIPT }) };
}

function draftFile({ path, text }: { path: string; text: string }): DraftFile {
  return { path, content: Buffer.from(text, 'utf8') };
}
