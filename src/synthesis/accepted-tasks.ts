import { ClawError } from '../base/error.ts';
import { MemoryBlobs } from '../tasks/memory-blobs.ts';
import type { BlobSource, TaskEntry } from '../tasks/task-set.ts';
import { candidateOf, taskIdOf } from './candidate.ts';
import { type PromptName, promptId } from './prompts.ts';
import type { SynthesisRecord } from './record.ts';

/** What a task's provenance says of its job. */
export interface JobFacts {
  readonly job: string;
  readonly seed: number;
  readonly models: { readonly generator: string; readonly judge: string };
}

/** The accepted tasks in order of number, each with where it came from. */
export function acceptedTasks(
  records: readonly SynthesisRecord[],
  facts: JobFacts,
): { readonly entries: readonly TaskEntry[]; readonly blobs: BlobSource } {
  const entries: TaskEntry[] = [];
  const blobs = new MemoryBlobs();
  for (const record of records.filter(({ stage }) => stage === 'accepted')) {
    const { entry } = candidateOf(taskIdOf(facts.job, record.number), record.data, blobs);
    if (entry.digest !== record.data.task) {
      throw new ClawError(
        'CorruptArtifact',
        `record ${record.number} passed the gates as task ${record.data.task} and makes ${entry.digest} now; it was written by another version`,
      );
    }
    entries.push({ ...entry, task: { ...entry.task, provenance: provenanceOf(record, facts) } });
  }
  return { entries, blobs };
}

/** From the task back to its seed and to every call that wrote a part of it. */
function provenanceOf({ number, data }: SynthesisRecord, facts: JobFacts): Record<string, unknown> {
  const { sample, calls, repairs, gates = [] } = data;
  const drafted: PromptName = sample.route === 'persona' ? 'draft-persona' : 'draft-skill';
  const names: readonly PromptName[] = [
    ...([drafted, 'resources', 'solution', 'verifier'] as const),
    ...(repairs.length > 0 ? (['repair-verifier', 'repair-solution'] as const) : []),
    ...(data.rubric === undefined ? [] : (['rubric'] as const)),
    'judge',
  ];
  return {
    format: 'synthesis',
    ...facts,
    record: number,
    route: sample.route,
    ...(sample.route === 'persona'
      ? { persona: sample.persona, operations: sample.operations.map(({ id }) => id) }
      : { skills: [sample.primary, ...sample.supporting].map(({ id }) => id) }),
    category: sample.category.id,
    prompts: names.map(promptId),
    calls,
    repairs,
    gates: gates.map(({ gate, reason }) => `${gate}: ${reason}`),
  };
}
