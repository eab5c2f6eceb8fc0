import { isRecord } from '../../base/brand.ts';
import { aggregation, gradingType } from '../import/clawgym-entry.ts';
import { DEFAULT_WORKSPACE_PATH } from '../import/reward-sh.ts';
import type { Task } from '../task.ts';

/** The fields of both ClawGym layouts, foreign ones included; files, prompt and extension excluded. */
export function clawGymFields(task: Task): Record<string, unknown> {
  const rubric = task.rubric !== undefined;
  const verifier = task.verifier !== undefined;
  const { metadata, ...foreign } = task.extra;
  const mount = mountFields(task);
  return {
    ...foreign,
    task_id: task.id,
    validation_mode: task.extra['validation_mode'] ?? (rubric ? 'hybrid' : 'code'),
    reward_aggregation: task.extra['reward_aggregation'] ?? aggregation(rubric, verifier),
    rules: rulesOf(task),
    ...mount,
    metadata: {
      category: task.category,
      grading_type: gradingType(rubric, verifier),
      ...(isRecord(metadata) ? metadata : {}),
    },
  };
}

function mountFields(task: Task): Record<string, string> {
  const path = task.workspace.path;
  if (!/^(?:\/[A-Za-z0-9._-]+)+$/.test(path)) return {};
  return {
    ...(path !== DEFAULT_WORKSPACE_PATH && { workspace_root: path }),
    ...(task.workspace.inputs.length > 0 && { input_mount_dir: path }),
  };
}

function rulesOf(task: Task): unknown {
  return (
    task.rubric?.map(({ name, path, text, anchors }) =>
      anchors
        ? { name, file_path: path ?? '', scores: anchors }
        : { name, ...(path !== undefined && { target_file: path }), rule: text ?? name },
    ) ?? null
  );
}

/** The prompt of a format with one user message. */
export function promptOf(task: Task): string {
  return task.instruction.turns.map(({ text }) => text).join('\n\n');
}
