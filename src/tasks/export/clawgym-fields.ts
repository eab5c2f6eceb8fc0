import { isRecord } from '../../base/brand.ts';
import { aggregation, gradingType, KNOWN_FIELDS } from '../import/clawgym-entry.ts';
import { DEFAULT_WORKSPACE_PATH } from '../import/reward-sh.ts';
import type { Task } from '../task.ts';

/** The fields of both ClawGym layouts, foreign ones included; files, prompt and extension excluded. */
export function clawGymFields(task: Task): Record<string, unknown> {
  const rubric = task.rubric !== undefined;
  const verifier = task.verifier !== undefined;
  const { metadata, ...extra } = task.extra;
  const foreign = Object.fromEntries(
    Object.entries(extra).filter(
      ([key, value]) =>
        !KNOWN_FIELDS.has(key) && (key !== 'origin_template' || typeof value === 'string'),
    ),
  );
  const mount = mountFields(task);
  return {
    ...foreign,
    task_id: task.id,
    validation_mode: textOr(task.extra['validation_mode'], rubric ? 'hybrid' : 'code'),
    reward_aggregation: textOr(task.extra['reward_aggregation'], aggregation(rubric, verifier)),
    rules: rulesOf(task),
    ...mount,
    metadata: {
      category: task.category,
      grading_type: gradingType(rubric, verifier),
      ...(isRecord(metadata) ? withoutRule(metadata) : {}),
    },
  };
}

const textOr = (value: unknown, usual: string): string =>
  typeof value === 'string' ? value : usual;

/** `metadata.rule` would be read as a rubric. */
function withoutRule({ rule: _rule, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return rest;
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
