import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { parseField } from './import/import-problem.ts';
import {
  TASK_SCHEMA,
  type Task,
  type TaskFile,
  zCodeVerifier,
  zEnvironment,
  zTask,
} from './task.ts';
import { worseAgentCode } from './task-draft.ts';
import { zSafePath } from './task-paths.ts';

/**
 * What a foreign format cannot carry: the difference between a task and what an importer makes of
 * the exported files alone. It travels in `data_entry.json`'s `clawgym` object, in the `clawgym`
 * member of a JSONL row, or in task.toml's `[metadata.clawgym]`. `null` means: absent.
 */
export const zTaskExtension = z.strictObject({
  schema: z.literal(TASK_SCHEMA),
  id: zTask.shape.id.optional(),
  instruction: zTask.shape.instruction.optional(),
  workspacePath: zTask.shape.workspace.shape.path.optional(),
  inputs: z
    .array(
      z.strictObject({
        path: z.string(),
        mode: z.enum(['protected', 'editable']),
        executable: z.boolean(),
      }),
    )
    .optional(),
  outputs: zTask.shape.outputs.unwrap().optional(),
  verifier: z
    .strictObject({
      ...zCodeVerifier.omit({ files: true }).shape,
      executable: z.array(z.string()),
      /** Files beside the verifier that the exporter added. */
      generated: z.array(z.string()).default([]),
    })
    .nullable()
    .optional(),
  rubric: zTask.shape.rubric.unwrap().nullable().optional(),
  weights: zTask.shape.weights.unwrap().optional(),
  solution: z
    .strictObject({
      script: zSafePath.optional(),
      executable: z.array(z.string()),
      generated: z.array(z.string()).default([]),
    })
    .nullable()
    .optional(),
  environment: zEnvironment.omit({ build: true }).optional(),
  buildExecutable: z.array(z.string()).optional(),
  timeouts: zTask.shape.timeouts.unwrap().optional(),
  category: z.string().optional(),
  cluster: z.string().optional(),
  licence: z.string().optional(),
  extra: z.record(z.string(), z.unknown()).optional(),
  provenance: z.record(z.string(), z.unknown()).optional(),
});
export type TaskExtension = z.infer<typeof zTaskExtension>;

const PLAIN = [
  'id',
  'instruction',
  'outputs',
  'weights',
  'timeouts',
  'category',
  'cluster',
  'licence',
  'extra',
] as const;

/** The extension that turns `native` into `task`; undefined where nothing is missing. */
export function extensionOf(
  native: Task,
  task: Task,
  generated: { readonly verifier?: readonly string[]; readonly solution?: readonly string[] } = {},
): TaskExtension | undefined {
  const found: Record<string, unknown> = {};
  for (const key of PLAIN) if (differ(native[key], task[key])) found[key] = task[key];
  if (differ(native.rubric, task.rubric)) found['rubric'] = task.rubric ?? null;
  if (native.workspace.path !== task.workspace.path) found['workspacePath'] = task.workspace.path;
  if (differ(flags(native.workspace.inputs), flags(task.workspace.inputs))) {
    found['inputs'] = flags(task.workspace.inputs);
  }
  if (differ(shape(native.verifier), shape(task.verifier))) {
    found['verifier'] = task.verifier
      ? { ...shape(task.verifier), files: undefined, generated: generated.verifier ?? [] }
      : null;
  }
  if (differ(shape(native.solution), shape(task.solution))) {
    found['solution'] = task.solution
      ? { ...shape(task.solution), files: undefined, generated: generated.solution ?? [] }
      : null;
  }
  addEnvironment(found, native, task);
  if (tellsOrigin(task.provenance)) found['provenance'] = task.provenance;
  if (Object.keys(found).length === 0) return undefined;
  return zTaskExtension.parse(JSON.parse(canonicalJson({ schema: TASK_SCHEMA, ...found })));
}

/** True where it says more than which file a task was read from, such as who made it of what. */
function tellsOrigin(provenance: Task['provenance']): boolean {
  return Object.keys(provenance).some((key) => !['format', 'source', 'row'].includes(key));
}

function addEnvironment(found: Record<string, unknown>, native: Task, task: Task): void {
  const { build: nativeBuild, ...nativeRest } = native.environment;
  const { build, ...rest } = task.environment;
  if (differ(nativeRest, rest)) found['environment'] = rest;
  if (differ(executables(nativeBuild?.files), executables(build?.files))) {
    found['buildExecutable'] = executables(build?.files);
  }
}

/** The task that native fields and extension describe together. */
export function applyExtension(native: Task, extension: TaskExtension): Task {
  const {
    schema: _schema,
    workspacePath,
    inputs,
    verifier,
    rubric,
    solution,
    environment,
    buildExecutable,
    ...plain
  } = extension;
  const task: Record<string, unknown> = { ...native, ...defined(plain) };
  task['workspace'] = {
    path: workspacePath ?? native.workspace.path,
    inputs: withFlags(native.workspace.inputs, inputs),
  };
  if (rubric !== undefined) task['rubric'] = rubric ?? undefined;
  if (verifier !== undefined) task['verifier'] = applyVerifier(native, verifier);
  if (solution !== undefined) task['solution'] = applySolution(native, solution);
  const build = native.environment.build;
  task['environment'] = {
    ...(environment ?? native.environment),
    ...(build && { build: { files: withExecutables(build.files, buildExecutable) } }),
  };
  return parseField(zTask, task);
}

function withFlags(
  files: Task['workspace']['inputs'],
  flagged: TaskExtension['inputs'],
): Task['workspace']['inputs'] {
  const byPath = new Map((flagged ?? []).map((flag) => [flag.path, flag]));
  return files.map((file) => ({ ...file, ...byPath.get(file.path) }));
}

function applyVerifier(native: Task, verifier: TaskExtension['verifier']): unknown {
  if (!verifier || !native.verifier) return undefined;
  const { executable, generated: _generated, ...rest } = verifier;
  return {
    ...rest,
    agentCode: worseAgentCode(rest.agentCode, native.verifier.agentCode),
    files: withExecutables(native.verifier.files, executable),
  };
}

function applySolution(native: Task, solution: TaskExtension['solution']): unknown {
  if (!solution) return undefined;
  const { executable, generated: _generated, ...rest } = solution;
  return { ...rest, files: withExecutables(native.solution?.files ?? [], executable) };
}

function withExecutables(
  files: readonly TaskFile[],
  paths: readonly string[] | undefined,
): TaskFile[] {
  if (paths === undefined) return [...files];
  return files.map((file) => ({ ...file, executable: paths.includes(file.path) }));
}

/** A verifier or solution with its files reduced to what a folder of bytes does not say. */
function shape(part: { readonly files: readonly TaskFile[] } | undefined): object | undefined {
  if (part === undefined) return undefined;
  const files = part.files.map(({ path }) => path).toSorted();
  return { ...part, files, executable: executables(part.files) };
}

function executables(files: readonly TaskFile[] | undefined): string[] | undefined {
  return files
    ?.filter(({ executable }) => executable)
    .map(({ path }) => path)
    .toSorted();
}

function flags(inputs: Task['workspace']['inputs']): object[] {
  return inputs
    .map(({ path, mode, executable }) => ({ path, mode, executable }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function defined(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function differ(a: unknown, b: unknown): boolean {
  if (a === undefined || b === undefined) return a !== b;
  return canonicalJson(a) !== canonicalJson(b);
}

/** The extension part of a foreign document, checked. */
export function parseExtension(value: unknown): TaskExtension | undefined {
  if (value === undefined || value === null) return undefined;
  return parseField(zTaskExtension, value, 'clawgym.task');
}
