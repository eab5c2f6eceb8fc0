import { parse, stringify } from 'smol-toml';
import { isRecord } from '../../base/brand.ts';
import {
  draftOfHarbor,
  EXPORTED_BUILD,
  EXPORTED_SOLUTION,
  EXPORTED_VERIFIER,
  EXPORTED_WORKSPACE,
  type HarborFolder,
} from '../import/harbor-folder.ts';
import { parseHarborToml } from '../import/harbor-toml.ts';
import type { Task } from '../task.ts';
import type { DraftFile } from '../task-draft.ts';
import type { TaskExtension } from '../task-extension.ts';
import type { BlobSource } from '../task-set.ts';
import { below } from './clawgym-directory.ts';
import { promptOf } from './clawgym-fields.ts';
import { type ExportOptions, type LoadedFiles, loadFiles } from './export-options.ts';
import { extensionFor } from './extension-for.ts';
import { harborDockerfile, harborSolveSh, harborTestSh } from './harbor-scripts.ts';

export interface HarborExportOptions extends ExportOptions {
  /** Image that the generated Dockerfile starts from, where the task names none. */
  readonly image: string;
}

/**
 * The files of a task as a Harbor task folder. A Harbor task goes back as it came; any other is
 * wrapped: inputs under environment/workspace, the verifier under tests/verifier with a test.sh
 * that runs it and writes the reward file.
 */
export async function harborFolder(
  task: Task,
  blobs: BlobSource,
  options: HarborExportOptions,
): Promise<DraftFile[]> {
  const files = await loadFiles(task, blobs);
  const native = isNative(task);
  const parts = native ? nativeParts(task, files) : wrappedParts(task, files, options);
  const toml = (extension: TaskExtension | undefined) => tomlOf(task, extension, native);
  const extension = extensionFor(
    task,
    (given) =>
      draftOfHarbor(
        { ...parts, name: task.id, toml: toml(given), hasSteps: false },
        options.limits,
      ),
    {},
    options,
  );
  return [
    { path: 'task.toml', content: toml(extension) },
    { path: 'instruction.md', content: parts.instruction },
    ...below('environment', parts.environment),
    ...below('tests', parts.tests),
    ...below('solution', parts.solution),
  ];
}

type Parts = Pick<HarborFolder, 'instruction' | 'environment' | 'tests' | 'solution'>;

function isNative(task: Task): boolean {
  const { verifier, workspace, environment, instruction } = task;
  return (
    verifier?.dialect === 'harbor' &&
    verifier.entry === 'test.sh' &&
    workspace.inputs.length === 0 &&
    instruction.turns.length === 1 &&
    (environment.image !== undefined || hasDockerfile(task))
  );
}

function hasDockerfile({ environment }: Task): boolean {
  return environment.build?.files.some(({ path }) => path === 'Dockerfile') ?? false;
}

function nativeParts(task: Task, files: LoadedFiles): Parts {
  return {
    instruction: Buffer.from(promptOf(task)),
    environment: files.build,
    tests: files.verifier,
    solution: files.solution,
  };
}

function wrappedParts(task: Task, files: LoadedFiles, options: HarborExportOptions): Parts {
  const dockerfile = harborDockerfile(task, task.environment.image ?? options.image);
  return {
    instruction: Buffer.from(promptOf(task)),
    environment: [
      { path: 'Dockerfile', content: Buffer.from(dockerfile) },
      ...prefixed(EXPORTED_WORKSPACE, files.inputs),
      ...prefixed(EXPORTED_BUILD, files.build),
    ],
    tests: [
      { path: 'test.sh', content: Buffer.from(harborTestSh(task)), executable: true },
      ...prefixed(EXPORTED_VERIFIER, files.verifier),
    ],
    solution: task.solution
      ? [
          { path: 'solve.sh', content: Buffer.from(harborSolveSh(task)), executable: true },
          ...prefixed(EXPORTED_SOLUTION, files.solution),
        ]
      : [],
  };
}

function prefixed(prefix: string, files: readonly DraftFile[]): DraftFile[] {
  return files.map((file) => ({ ...file, path: `${prefix}${file.path}` }));
}

function tomlOf(task: Task, extension: TaskExtension | undefined, native: boolean): Uint8Array {
  const clawgym = {
    ...(!native && { layout: 'wrapped' }),
    ...(extension && { fields: JSON.stringify(extension) }),
  };
  const given = native ? foreignToml(task) : undefined;
  const document = given ?? generatedToml(task, native);
  const metadata = isRecord(document['metadata']) ? document['metadata'] : {};
  const marked = Object.keys(clawgym).length > 0 ? { ...metadata, clawgym } : metadata;
  const { metadata: _metadata, ...rest } = document;
  const whole = Object.keys(marked).length > 0 ? { ...rest, metadata: marked } : rest;
  return Buffer.from(`${stringify(whole)}\n`);
}

/** task.toml as it was imported, where it is still one and says where the task runs. */
function foreignToml(task: Task): Record<string, unknown> | undefined {
  const document = task.extra['harbor'];
  if (!isRecord(document)) return undefined;
  try {
    const { environment } = parseHarborToml(parse(stringify(document)));
    const placed = environment?.docker_image !== undefined || hasDockerfile(task);
    return placed ? document : undefined;
  } catch {
    return undefined;
  }
}

function generatedToml(task: Task, native: boolean): Record<string, unknown> {
  const { cpuMillis, memoryMiB, diskMiB } = task.environment.limits;
  return {
    schema_version: '1.4',
    task: { name: `clawgym/${task.id}`, version: '1.0.0' },
    metadata: {
      ...(task.category !== '' && { category: task.category }),
      ...(task.licence !== '' && { license: task.licence }),
    },
    agent: { timeout_sec: task.timeouts.agentSeconds },
    verifier: { timeout_sec: task.timeouts.verifierSeconds, ...plainEnv(task.verifier?.env ?? {}) },
    environment: {
      network_mode: NETWORK[task.environment.network],
      workdir: task.workspace.path,
      ...(native &&
        task.environment.image !== undefined && { docker_image: task.environment.image }),
      ...(cpuMillis !== undefined && { cpus: cpuMillis / 1000 }),
      ...(memoryMiB !== undefined && { memory_mb: memoryMiB }),
      ...(diskMiB !== undefined && { storage_mb: diskMiB }),
      ...plainEnv(task.environment.env),
    },
  };
}

const NETWORK = { none: 'no-network', public: 'public', allowlist: 'allowlist' } as const;

/** Variables as task.toml takes them; a value with `${` would be resolved there and stays out. */
function plainEnv(env: Readonly<Record<string, string>>): { env?: Record<string, string> } {
  const empty = Object.keys(env).length === 0;
  return empty || Object.values(env).some((value) => value.includes('${'))
    ? {}
    : { env: { ...env } };
}
