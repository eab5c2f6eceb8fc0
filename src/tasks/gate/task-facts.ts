import type { Sha256 } from '../../base/brand.ts';
import type { AgentCode } from '../task.ts';
import type { BlobSource, TaskEntry } from '../task-set.ts';
import { checkTask } from './check-task.ts';

/** What every admission gate needs to know of a task; nothing is run for it. */
export interface KnownTask {
  readonly id: string;
  readonly digest: Sha256;
  readonly agentCode: AgentCode | 'unknown';
  readonly hasSolution: boolean;
  readonly hasVerifier: boolean;
  /** Errors of the static gate (G0), as `CODE: sentence`. */
  readonly problems: string[];
}

export async function taskFacts(
  { task, digest }: TaskEntry,
  blobs: BlobSource,
): Promise<KnownTask> {
  const findings = await checkTask(task, blobs);
  return {
    id: task.id,
    digest,
    agentCode: task.verifier?.agentCode ?? 'unknown',
    hasSolution: task.solution !== undefined,
    hasVerifier: task.verifier !== undefined,
    problems: findings
      .filter(({ level }) => level === 'error')
      .map(({ code, message }) => `${code}: ${message}`),
  };
}
