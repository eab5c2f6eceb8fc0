import type { ClawTask } from '../../api/claw-task.ts';
import { ClawError } from '../../base/error.ts';
import type { DraftFile, TaskDraft } from '../task-draft.ts';
import { fieldError } from './import-problem.ts';

type Body = NonNullable<ClawTask['spec']['task']>;
type InlineFile = NonNullable<Body['workspace']['inputs']>[number] | VerifierFile;
type VerifierFile = NonNullable<Body['verifier']>['files'][number];

/** The task that a ClawTask object writes out. Throws `UnsupportedTask` where it names a stored one. */
export function draftOfClawTask({ metadata, spec }: ClawTask): TaskDraft {
  const { task, taskSetRef } = spec;
  if (task === undefined) {
    throw new ClawError(
      'UnsupportedTask',
      `spec.taskSetRef: task ${taskSetRef?.taskId} of the stored task set ${taskSetRef?.digest.slice(0, 12)} is known to a cluster only; write the task out in spec.task`,
    );
  }
  const inputs = task.workspace.inputs ?? [];
  const { verifier, solution } = task;
  return {
    id: task.id ?? metadata.name,
    instruction: {
      turns: task.instruction.turns.map(({ text, session }) => ({
        text,
        newSession: session === 'new',
      })),
    },
    workspacePath: task.workspace.path,
    inputs: files(inputs, 'spec.task.workspace.inputs'),
    inputModes: new Map(inputs.map(({ path, mode }) => [path, mode])),
    ...(task.outputs && {
      outputs: task.outputs.map(({ order, ...output }) => ({
        ...output,
        orderMatters: order === 'strict',
      })),
    }),
    ...(verifier && {
      verifier: {
        dialect: verifier.dialect,
        entry: verifier.entry,
        files: files(verifier.files, 'spec.task.verifier.files'),
        env: verifier.env ?? {},
      },
    }),
    ...(task.rubric && { rubric: task.rubric.map(rubricRule) }),
    weights: task.weights,
    ...(solution && {
      solution: {
        files: files(solution.files ?? [], 'spec.task.solution.files'),
        ...(solution.script !== undefined && { script: solution.script }),
      },
    }),
    environment: {
      ...task.environment,
      needs: [...(task.environment.needs ?? [])],
      env: task.environment.env ?? {},
    },
    timeouts: task.timeouts,
    category: task.category ?? '',
    cluster: task.cluster ?? '',
    licence: task.licence ?? '',
    provenance: { format: 'manifest', source: metadata.name },
  };
}

function files(given: readonly InlineFile[], field: string): DraftFile[] {
  return given.map((file, index) => ({
    path: file.path,
    content: contentOf(file, `${field}[${index}].base64`),
    executable: file.executable,
  }));
}

/** Strict base64: a cut or padded-out text would silently become other bytes. */
function contentOf({ text, base64 }: InlineFile, field: string): Uint8Array {
  if (base64 === undefined) return Buffer.from(text ?? '', 'utf8');
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') === base64) return bytes;
  throw fieldError('InvalidTask', field, base64, 'canonical base64 with its padding');
}

function rubricRule({
  anchors,
  ...rule
}: NonNullable<Body['rubric']>[number]): NonNullable<TaskDraft['rubric']>[number] {
  if (anchors === undefined) return rule;
  const { none, low, half, high, full } = anchors;
  return { ...rule, anchors: { '0': none, '0.25': low, '0.5': half, '0.75': high, '1': full } };
}
