import { isRecord } from '../../base/brand.ts';
import type { DraftFile, TaskDraft } from '../task-draft.ts';
import {
  type HarborToml,
  networkOf,
  parseHarborToml,
  resolveEnv,
  sizeToMiB,
  unsupported,
} from './harbor-toml.ts';
import type { ImportLimits } from './import-limits.ts';
import { fieldError } from './import-problem.ts';
import { decodeText, parseJsonText } from './parse-document.ts';
import { parseTomlDocument } from './parse-toml.ts';
import { DEFAULT_WORKSPACE_PATH } from './reward-sh.ts';

/** Where a task that this product exported keeps its parts. */
export const EXPORTED_WORKSPACE = 'workspace/';
export const EXPORTED_BUILD = 'build/';
export const EXPORTED_SOLUTION = 'files/';
export const EXPORTED_VERIFIER = 'verifier/';

/** A Harbor task folder in memory: files below each part, paths relative to it. */
export interface HarborFolder {
  readonly name: string;
  readonly toml: Uint8Array;
  readonly instruction: Uint8Array;
  readonly environment: readonly DraftFile[];
  readonly tests: readonly DraftFile[];
  readonly solution: readonly DraftFile[];
  readonly hasSteps: boolean;
}

export function draftOfHarbor(folder: HarborFolder, limits: ImportLimits): TaskDraft {
  if (folder.hasSteps) throw unsupported(['steps/ (multi-step tasks)']);
  const document = parseTomlDocument(decodeText(folder.toml, 'task.toml'), 'task.toml', limits);
  const toml = parseHarborToml(document);
  const compose = folder.environment.find(({ path }) => /^(?:docker-)?compose\.ya?ml$/.test(path));
  if (compose) throw unsupported([`compose sidecars (environment/${compose.path})`]);
  const text = decodeText(folder.instruction, 'instruction.md');
  const exported = isRecord(toml.metadata?.['clawgym']) ? toml.metadata['clawgym'] : undefined;
  const wrapped = exported?.['layout'] === 'wrapped';
  if (!wrapped && text.trim() === '')
    throw fieldError('InvalidTask', 'instruction.md', text, 'an instruction');
  const common = {
    id: taskId(folder.name),
    instruction: { turns: [{ text }] },
    timeouts: {
      agentSeconds: Math.ceil(toml.agent?.timeout_sec ?? 600),
      verifierSeconds: Math.ceil(toml.verifier?.timeout_sec ?? 600),
    },
    category: toml.metadata?.category ?? '',
    licence: toml.metadata?.license ?? '',
    extra: extraOf(document, toml),
    provenance: { format: 'harbor', source: folder.name },
  };
  if (exported?.['layout'] === 'wrapped')
    return { ...common, ...wrappedParts(folder, toml, exported, limits) };
  return { ...common, ...nativeParts(folder, toml), ...extensionOf(exported, limits) };
}

/** A folder name as a task id: other characters become dashes. */
function taskId(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]/g, '-');
}

function nativeParts(
  folder: HarborFolder,
  toml: HarborToml,
): Omit<TaskDraft, 'id' | 'instruction'> {
  if (!folder.tests.some(({ path }) => path === 'test.sh')) {
    const windows = folder.tests.some(({ path }) => path === 'test.bat' || path === 'test.ps1');
    if (windows) throw unsupported(['a Windows verifier (tests/test.bat)']);
    throw fieldError('InvalidTask', 'tests/test.sh', undefined, 'the verifier script');
  }
  const image = toml.environment?.docker_image;
  const dockerfile = folder.environment.find(({ path }) => path === 'Dockerfile');
  if (image === undefined && dockerfile === undefined) {
    throw fieldError(
      'InvalidTask',
      'environment',
      undefined,
      'environment.docker_image in task.toml or environment/Dockerfile',
    );
  }
  const workdir =
    toml.environment?.workdir ??
    (dockerfile && lastWorkdir(decodeText(dockerfile.content, 'environment/Dockerfile')));
  return {
    workspacePath: workdir?.replace(/(?<=.)\/+$/, '') ?? '/app',
    inputs: [],
    verifier: {
      dialect: 'harbor',
      entry: 'test.sh',
      files: folder.tests,
      env: resolveEnv(toml.verifier?.env, 'task.toml.verifier.env'),
    },
    ...(folder.solution.length > 0 && {
      solution: {
        files: folder.solution,
        ...(folder.solution.some(({ path }) => path === 'solve.sh') && { script: 'solve.sh' }),
      },
    }),
    environment: environmentOf(toml, image === undefined ? ['image-build'] : []),
    buildFiles: folder.environment,
  };
}

/** The last absolute WORKDIR of a Dockerfile. */
function lastWorkdir(dockerfile: string): string | undefined {
  const found = [
    ...dockerfile.matchAll(/^[ \t]*WORKDIR[ \t]+["']?(\/[A-Za-z0-9._/-]+)["']?[ \t]*$/gim),
  ];
  return found.at(-1)?.[1];
}

function wrappedParts(
  folder: HarborFolder,
  toml: HarborToml,
  exported: Record<string, unknown> | undefined,
  limits: ImportLimits,
): Omit<TaskDraft, 'id' | 'instruction'> {
  const verifier = below(folder.tests, EXPORTED_VERIFIER);
  return {
    workspacePath: toml.environment?.workdir ?? DEFAULT_WORKSPACE_PATH,
    inputs: below(folder.environment, EXPORTED_WORKSPACE),
    buildFiles: below(folder.environment, EXPORTED_BUILD),
    ...(verifier.length > 0 && {
      verifier: {
        dialect: 'check-json',
        entry: 'check.py',
        files: verifier,
        env: resolveEnv(toml.verifier?.env, 'task.toml.verifier.env'),
      },
    }),
    ...(folder.solution.length > 0 && {
      solution: { files: below(folder.solution, EXPORTED_SOLUTION) },
    }),
    environment: environmentOf(toml, []),
    ...extensionOf(exported, limits),
  };
}

function below(files: readonly DraftFile[], prefix: string): DraftFile[] {
  return files.flatMap((file) =>
    file.path.startsWith(prefix) ? [{ ...file, path: file.path.slice(prefix.length) }] : [],
  );
}

function environmentOf(toml: HarborToml, needs: string[]): NonNullable<TaskDraft['environment']> {
  const {
    docker_image: image,
    cpus,
    memory_mb,
    storage_mb,
    memory,
    storage,
    env,
  } = toml.environment ?? {};
  const memoryMiB =
    memory_mb ??
    (memory === undefined ? undefined : sizeToMiB(memory, 'task.toml.environment.memory'));
  const diskMiB =
    storage_mb ??
    (storage === undefined ? undefined : sizeToMiB(storage, 'task.toml.environment.storage'));
  return {
    ...(image !== undefined && { image }),
    network: networkOf(toml),
    limits: {
      ...(cpus !== undefined && { cpuMillis: Math.max(1, Math.round(cpus * 1000)) }),
      ...(memoryMiB !== undefined && { memoryMiB: Math.ceil(memoryMiB) }),
      ...(diskMiB !== undefined && { diskMiB: Math.ceil(diskMiB) }),
    },
    needs,
    env: resolveEnv(env, 'task.toml.environment.env'),
  };
}

function extensionOf(
  exported: Record<string, unknown> | undefined,
  limits: ImportLimits,
): Pick<TaskDraft, 'extension'> {
  const fields = exported?.['fields'];
  if (fields === undefined) return {};
  if (typeof fields !== 'string')
    throw fieldError('InvalidTask', 'task.toml.metadata.clawgym.fields', fields, 'JSON as text');
  return { extension: parseJsonText(fields, 'task.toml.metadata.clawgym.fields', limits) };
}

/** task.toml as it came, for a lossless way back; empty where this product wrote it. */
function extraOf(document: unknown, toml: HarborToml): Record<string, unknown> {
  const exported = toml.metadata?.['clawgym'];
  if (!isRecord(document) || (isRecord(exported) && exported['layout'] === 'wrapped')) return {};
  if (exported === undefined) return { harbor: document };
  const { clawgym: _clawgym, ...metadata } = toml.metadata ?? {};
  const { metadata: _metadata, ...rest } = document;
  return { harbor: Object.keys(metadata).length > 0 ? { ...rest, metadata } : rest };
}
