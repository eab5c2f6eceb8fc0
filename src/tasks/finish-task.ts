import { sha256 } from '../base/digest.ts';
import { ownValue } from '../base/own-value.ts';
import type { ImportLimits } from './import/import-limits.ts';
import { fieldError, parseField } from './import/import-problem.ts';
import { inputModes } from './input-mode.ts';
import type { InputOverlay } from './input-overlay.ts';
import type { MemoryBlobs } from './memory-blobs.ts';
import { namedOutputs } from './output-format.ts';
import { TASK_SCHEMA, type Task, type TaskFile, zTask } from './task.ts';
import { taskDigest } from './task-digest.ts';
import {
  type AgentCodeScanner,
  agentCodeOf,
  type DraftFile,
  type TaskDraft,
} from './task-draft.ts';
import { applyExtension, parseExtension, type TaskExtension } from './task-extension.ts';
import { checkFiles, checkReferences, checkScorable } from './task-rules.ts';
import type { TaskEntry } from './task-set.ts';

export interface FinishOptions {
  readonly blobs: MemoryBlobs;
  readonly limits: ImportLimits;
  readonly scanAgentCode: AgentCodeScanner;
  readonly overlay?: InputOverlay | undefined;
}

/**
 * Turns a draft into a task: checks paths, duplicates and sizes, decides input modes and outputs,
 * classes the verifier, applies extension and overlay, and files the contents in `blobs`. Throws
 * `InvalidTask`, `UnsafePath` or `TooLarge` with the field.
 */
export function finishTask(draft: TaskDraft, options: FinishOptions): TaskEntry {
  const extension = parseExtension(draft.extension);
  const { native, hashed } = nativeOf(draft, extension, options);
  const extended = extension === undefined ? native : applyExtension(native, extension);
  const task = withClass(withOverlay(extended, options.overlay));
  checkReferences(task);
  checkScorable(task);
  for (const [file, { digest }] of hashed) options.blobs.put(file.content, digest);
  return { task, digest: taskDigest(task) };
}

/** What the foreign fields and files alone say, without extension, overlay and filed contents. */
export function nativeOf(
  draft: TaskDraft,
  extension: TaskExtension | undefined,
  options: Pick<FinishOptions, 'limits' | 'scanAgentCode'>,
): { native: Task; hashed: ReadonlyMap<DraftFile, TaskFile> } {
  const groups = fileGroups(draft, extension);
  checkFiles(sizedGroups(groups), options.limits);
  const hashed = new Map<DraftFile, TaskFile>();
  for (const [, files] of groups) for (const file of files) hashed.set(file, hashFile(file));
  return { native: nativeTask(draft, groups, hashed, options), hashed };
}

type Groups = ReadonlyMap<string, readonly DraftFile[]>;

/** Files by the field that an error names; generated files are dropped here. */
function fileGroups(draft: TaskDraft, extension: TaskExtension | undefined): Groups {
  const without = (files: readonly DraftFile[], dropped: readonly string[] | undefined) =>
    files.filter(({ path }) => !dropped?.includes(path));
  return new Map([
    ['input_files', draft.inputs],
    ['verifier', without(draft.verifier?.files ?? [], extension?.verifier?.generated)],
    ['solution', without(draft.solution?.files ?? [], extension?.solution?.generated)],
    ['environment', draft.buildFiles ?? []],
  ]);
}

function sizedGroups(groups: Groups): Map<string, readonly { path: string; size: number }[]> {
  return new Map(
    [...groups].map(([field, files]) => [
      field,
      files.map(({ path, content }) => ({ path, size: content.length })),
    ]),
  );
}

function hashFile({ path, content, executable }: DraftFile): TaskFile {
  return { path, digest: sha256(content), size: content.length, executable: executable ?? false };
}

function nativeTask(
  draft: TaskDraft,
  groups: Groups,
  hashed: ReadonlyMap<DraftFile, TaskFile>,
  options: Pick<FinishOptions, 'scanAgentCode'>,
): Task {
  const {
    workspacePath,
    inputs: _inputs,
    inputModes: given,
    verifier,
    solution,
    environment,
    buildFiles: _build,
    extension: _extension,
    ...rest
  } = draft;
  const filesOf = (field: string): TaskFile[] =>
    (groups.get(field) ?? []).flatMap((file) => hashed.get(file) ?? []);
  const inputs = filesOf('input_files');
  const text = draft.instruction.turns.map((turn) => turn.text).join('\n');
  const solutionFiles = filesOf('solution');
  const modes = inputModes(text, inputs, changedInputs(inputs, solutionFiles));
  const build = filesOf('environment');
  return parseField(zTask, {
    ...rest,
    schema: TASK_SCHEMA,
    workspace: {
      path: workspacePath,
      inputs: inputs.map((file) => ({
        ...file,
        mode: given?.get(file.path) ?? modes.get(file.path) ?? 'protected',
      })),
    },
    outputs: draft.outputs ?? namedOutputs(text, inputs, workspacePath),
    ...(verifier && {
      verifier: {
        dialect: verifier.dialect,
        entry: verifier.entry,
        env: verifier.env ?? {},
        files: filesOf('verifier'),
        agentCode: options.scanAgentCode(groups.get('verifier') ?? [], verifier.dialect),
      },
    }),
    ...(solution && {
      solution: {
        files: solutionFiles,
        ...(solution.script !== undefined && { script: solution.script }),
      },
    }),
    environment: { ...environment, ...(build.length > 0 && { build: { files: build } }) },
  });
}

/** By the dialect that grades in the end: an extension may give another than the foreign form has. */
export function withClass(task: Task): Task {
  const { verifier } = task;
  if (verifier === undefined) return task;
  const agentCode = agentCodeOf(verifier.dialect, verifier.agentCode);
  return agentCode === verifier.agentCode
    ? task
    : { ...task, verifier: { ...verifier, agentCode } };
}

function changedInputs(inputs: readonly TaskFile[], solution: readonly TaskFile[]): Set<string> {
  const given = new Map(inputs.map(({ path, digest }) => [path, digest]));
  return new Set(
    solution
      .filter(({ path, digest }) => given.has(path) && given.get(path) !== digest)
      .map(({ path }) => path),
  );
}

function withOverlay(task: Task, overlay: InputOverlay | undefined): Task {
  const overrides = overlay && ownValue(overlay.tasks, task.id)?.inputs;
  if (overrides === undefined) return task;
  for (const path of Object.keys(overrides)) {
    if (!task.workspace.inputs.some((input) => input.path === path)) {
      throw fieldError(
        'InvalidTask',
        `overlay tasks.${task.id}.inputs`,
        path,
        'the path of an input of this task',
      );
    }
  }
  const inputs = task.workspace.inputs.map((input) => ({
    ...input,
    mode: ownValue(overrides, input.path) ?? input.mode,
  }));
  return { ...task, workspace: { ...task.workspace, inputs } };
}
