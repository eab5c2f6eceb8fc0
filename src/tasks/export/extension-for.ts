import { ClawError } from '../../base/error.ts';
import { finishTask, nativeOf, withClass } from '../finish-task.ts';
import { MemoryBlobs } from '../memory-blobs.ts';
import type { Task } from '../task.ts';
import { taskDigest } from '../task-digest.ts';
import { type TaskDraft, worseAgentCode } from '../task-draft.ts';
import { extensionOf, type TaskExtension } from '../task-extension.ts';
import type { ExportOptions } from './export-options.ts';

/**
 * What has to travel beside the foreign fields so that importing the export gives the task back.
 * `reread` reads the export as the importer will, with the extension given to it; the way back is
 * walked before anything is written, so that no export can lose a field.
 */
export function extensionFor(
  task: Task,
  reread: (extension: TaskExtension | undefined) => TaskDraft,
  generated: { readonly verifier?: readonly string[]; readonly solution?: readonly string[] },
  options: ExportOptions,
): TaskExtension | undefined {
  const { native } = nativeOf(reread(undefined), undefined, options);
  const extension = extensionOf(withClass(native), task, generated);
  const back = finishTask(reread(extension), { ...options, blobs: new MemoryBlobs() });
  if (back.digest !== taskDigest(withScannedClass(task, back.task))) {
    throw new ClawError(
      'Internal',
      `task ${task.id}: the export would not import as the same task`,
      {
        details: { expected: task, got: back.task },
      },
    );
  }
  return extension;
}

/** An import never trusts a milder class than its own scan finds. */
function withScannedClass(task: Task, back: Task): Task {
  if (!task.verifier || !back.verifier) return task;
  const agentCode = worseAgentCode(task.verifier.agentCode, back.verifier.agentCode);
  return { ...task, verifier: { ...task.verifier, agentCode } };
}
