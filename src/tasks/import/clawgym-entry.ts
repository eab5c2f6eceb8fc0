import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { isRecord } from '../../base/brand.ts';
import { zTask } from '../task.ts';
import type { DraftFile, DraftVerifier, TaskDraft } from '../task-draft.ts';
import { fieldError, parseField } from './import-problem.ts';
import { canonicalEntry, DEFAULT_WORKSPACE_PATH } from './reward-sh.ts';
import { parseRubric } from './rubric.ts';

/** The fields that data_entry.json and a JSONL row share. */
const zEntry = z.looseObject({
  task_id: zTask.shape.id.nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  validation_mode: z.string().nullish(),
  reward_aggregation: z.string().nullish(),
  workspace_root: z.string().nullish(),
  input_mount_dir: z.string().nullish(),
  origin_template: z.string().nullish(),
});

/** Fields that the model holds; all others are foreign and kept in `extra`. */
export const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  'task_id',
  'user_query',
  'prompt',
  'metadata',
  'validation_mode',
  'reward_aggregation',
  'rules',
  'rule',
  'workspace_root',
  'input_mount_dir',
  'input_files',
  'reward_files',
  'hook_code',
  'hook_lang',
  'clawgym',
]);

const AGGREGATIONS: readonly string[] = ['code_only', 'rubric_only', 'average_code_and_rubric'];

/** One task of either ClawGym layout, its files gathered. */
export interface ClawGymParts {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly prompt: string;
  /** Where the task has no id of its own. */
  readonly fallbackId: string;
  /** Paths as the layout gives them, before the mount folder is applied. */
  readonly inputs: readonly DraftFile[];
  /** True where paths are below the mount folder (directory layout), false below the workspace. */
  readonly inputsBelowMount: boolean;
  /** Files below `reward/`. */
  readonly reward: readonly DraftFile[];
  /** True in the public form, whose hook calls the verifier without the average. */
  readonly publicForm: boolean;
  readonly solution: readonly DraftFile[];
  readonly build: readonly DraftFile[];
  readonly provenance: Readonly<Record<string, unknown>>;
}

export function draftOfClawGym(parts: ClawGymParts): TaskDraft {
  const entry = parseField(zEntry, parts.fields);
  const metadata = entry.metadata ?? {};
  const extension = extensionPart(parts.fields['clawgym']);
  const { workspacePath, prefix } = mountOf(entry.workspace_root, entry.input_mount_dir);
  const rubric =
    parseRubric(parts.fields['rules'], 'rules') ??
    parseRubric(parts.fields['rule'], 'rule') ??
    parseRubric(metadata['rule'], 'metadata.rule');
  const joined = entry.reward_aggregation ?? undefined;
  if (rubric && joined !== undefined && !AGGREGATIONS.includes(joined)) {
    throw fieldError('InvalidTask', 'reward_aggregation', joined, AGGREGATIONS.join(', '));
  }
  const codeCounts = joined !== 'rubric_only';
  const verifier = codeCounts ? verifierOf(parts, extension) : undefined;
  return {
    id: entry.task_id ?? templateId(entry.origin_template) ?? parts.fallbackId,
    instruction: { turns: [{ text: parts.prompt }] },
    workspacePath,
    inputs: parts.inputs.map((file) => mounted(file, prefix, parts.inputsBelowMount)),
    ...(verifier && { verifier }),
    ...(rubric && { rubric }),
    ...(joined === 'average_code_and_rubric' && {
      weights: { code: '0.5', rubric: '0.5' },
    }),
    ...(parts.solution.length > 0 && { solution: solutionOf(parts.solution) }),
    buildFiles: parts.build,
    category: textOf(metadata['category']),
    cluster: textOf(metadata['primary_skill_id']),
    licence: textOf(metadata['licence'] ?? metadata['license']),
    extra: extraOf(parts.fields, metadata, rubric !== undefined, verifier !== undefined),
    provenance: { ...parts.provenance },
    ...(extension !== undefined && { extension }),
  };
}

function extensionPart(value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value)) throw fieldError('InvalidTask', 'clawgym', value, 'an object');
  return value['task'];
}

/** The workspace and the folder in it that inputs go to. */
function mountOf(
  root: string | null | undefined,
  mount: string | null | undefined,
): { workspacePath: string; prefix: string } {
  const given = root ? root.replace(/(?<=.)\/+$/, '') : undefined;
  if (mount === undefined || mount === null || mount === '') {
    return { workspacePath: given ?? DEFAULT_WORKSPACE_PATH, prefix: '' };
  }
  const dir = mount.replace(/\/+$/, '');
  if (!dir.startsWith('/')) {
    return {
      workspacePath: given ?? DEFAULT_WORKSPACE_PATH,
      prefix: `${dir.replace(/^\.\//, '')}/`,
    };
  }
  const workspacePath =
    given ?? (`${dir}/`.startsWith(`${DEFAULT_WORKSPACE_PATH}/`) ? DEFAULT_WORKSPACE_PATH : dir);
  if (dir === workspacePath) return { workspacePath, prefix: '' };
  if (!dir.startsWith(`${workspacePath}/`)) {
    throw fieldError(
      'UnsafePath',
      'input_mount_dir',
      mount,
      `a folder below the workspace ${workspacePath}`,
    );
  }
  return { workspacePath, prefix: `${dir.slice(workspacePath.length + 1)}/` };
}

function mounted(file: DraftFile, prefix: string, belowMount: boolean): DraftFile {
  if (prefix === '' || prefix === './' || (!belowMount && file.path.startsWith(prefix)))
    return file;
  return { ...file, path: `${prefix}${file.path}` };
}

function verifierOf(parts: ClawGymParts, extension: unknown): DraftVerifier | undefined {
  if (parts.reward.length === 0) return undefined;
  const declared = isRecord(extension) ? extension['verifier'] : undefined;
  if (isRecord(declared)) {
    return { dialect: 'check-json', entry: 'check.py', files: parts.reward };
  }
  const script = parts.reward.find(({ path }) => path === 'reward.sh');
  if (script === undefined) {
    const entry = ['check.py', 'test.py'].find((name) =>
      parts.reward.some(({ path }) => path === name),
    );
    if (entry !== undefined) return { dialect: 'check-json', entry, files: parts.reward };
    throw fieldError(
      'InvalidTask',
      'reward',
      parts.reward.map(({ path }) => path).join(', '),
      'a reward.sh or check.py',
    );
  }
  const entry = isUtf8(script.content)
    ? canonicalEntry(Buffer.from(script.content).toString('utf8'), parts.publicForm)
    : undefined;
  if (entry === undefined) return { dialect: 'reward-sh', entry: 'reward.sh', files: parts.reward };
  return { dialect: 'check-json', entry, files: parts.reward.filter((file) => file !== script) };
}

function solutionOf(files: readonly DraftFile[]): NonNullable<TaskDraft['solution']> {
  const script = files.some(({ path }) => path === 'solve.sh') ? { script: 'solve.sh' } : {};
  return { files, ...script };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The `id:` line of the public records' front matter. */
function templateId(template: string | null | undefined): string | undefined {
  const id = /^id:[ \t]*(\S.*)$/m.exec((template ?? '').slice(0, 100_000))?.[1];
  return id?.trim().replace(/^(["'])(.*)\1$/, '$2');
}

/** Foreign fields that the model has no place for, as they came. */
function extraOf(
  fields: Readonly<Record<string, unknown>>,
  metadata: Readonly<Record<string, unknown>>,
  rubric: boolean,
  verifier: boolean,
): Record<string, unknown> {
  const extra = Object.fromEntries(
    Object.entries(fields).filter(([key]) => !KNOWN_FIELDS.has(key)),
  );
  const usual: readonly [string, unknown][] = [
    ['validation_mode', rubric ? 'hybrid' : 'code'],
    ['reward_aggregation', aggregation(rubric, verifier)],
    ['hook_lang', 'bash'],
  ];
  for (const [key, value] of usual) {
    const given = fields[key];
    if (given !== undefined && given !== null && given !== value) extra[key] = given;
  }
  const { category: _category, grading_type: grading, ...rest } = metadata;
  const kept =
    grading === undefined || grading === gradingType(rubric, verifier)
      ? rest
      : { ...rest, grading_type: grading };
  if (Object.keys(kept).length > 0) extra['metadata'] = kept;
  return extra;
}

/** The reference's name of how scores are joined. */
export function aggregation(rubric: boolean, verifier: boolean): string {
  if (!rubric) return 'code_only';
  return verifier ? 'average_code_and_rubric' : 'rubric_only';
}

export function gradingType(rubric: boolean, verifier: boolean): string {
  if (!rubric) return 'automated';
  return verifier ? 'hybrid' : 'llm_judge';
}
