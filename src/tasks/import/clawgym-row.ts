import { z } from 'zod';
import { isRecord } from '../../base/brand.ts';
import type { DraftFile, TaskDraft } from '../task-draft.ts';
import { draftOfClawGym } from './clawgym-entry.ts';
import type { ImportLimits } from './import-limits.ts';
import { fieldError, parseField } from './import-problem.ts';

const zFile = z.looseObject({
  file_path: z.string(),
  content: z.string().nullish(),
  content_base64: z.string().nullish(),
});
const zFiles = z.array(zFile).nullish();
const zRow = z.looseObject({
  prompt: z.string().min(1),
  hook_code: z.string().nullish(),
  hook_lang: z.string().nullish(),
  reward_aggregation: z.string().nullish(),
  input_files: zFiles,
  reward_files: zFiles,
  clawgym: z
    .looseObject({
      solution_files: zFiles,
      environment_files: zFiles,
      inputs_verbatim: z.boolean().nullish(),
    })
    .nullish(),
});

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** One row of the single-file layout, in the pipeline's or the public form. */
export function draftOfRow(
  value: unknown,
  row: number,
  source: string,
  limits: ImportLimits,
): TaskDraft {
  if (!isRecord(value)) throw fieldError('InvalidTask', 'row', value, 'a JSON object');
  const fields = parseField(zRow, value);
  const decode = (files: z.infer<typeof zFiles>, field: string): DraftFile[] =>
    (files ?? []).map((file, index) => decodeFile(file, `${field}[${index}]`, limits));
  const all = decode(fields.input_files, 'input_files');
  const verbatim = fields.clawgym?.inputs_verbatim === true;
  const travels = ({ path }: DraftFile): boolean => !verbatim && path.startsWith('reward/');
  const travelling = all.filter(travels);
  const own = decode(fields.reward_files, 'reward_files');
  const publicForm = own.length === 0 && travelling.length > 0;
  return draftOfClawGym({
    fields: value,
    prompt: fields.prompt,
    fallbackId: `task_${String(row - 1).padStart(5, '0')}`,
    inputs: all.filter((file) => !travels(file)),
    inputsBelowMount: false,
    reward: withHook(rewardFiles(own, travelling), fields),
    publicForm,
    solution: decode(fields.clawgym?.solution_files, 'clawgym.solution_files'),
    build: decode(fields.clawgym?.environment_files, 'clawgym.environment_files'),
    provenance: { format: 'clawgym-jsonl', source, row },
  });
}

function decodeFile(file: z.infer<typeof zFile>, field: string, limits: ImportLimits): DraftFile {
  const { file_path: path, content, content_base64: base64 } = file;
  if (typeof base64 === 'string') {
    if (base64.length > limits.fileBytes * 1.4) {
      throw fieldError(
        'TooLarge',
        `${field}.content_base64`,
        `${base64.length} characters`,
        `at most ${limits.fileBytes} bytes a file`,
      );
    }
    if (base64.length % 4 !== 0 || !BASE64.test(base64)) {
      throw fieldError('InvalidTask', `${field}.content_base64`, base64, 'base64 with padding');
    }
    if (typeof content === 'string' && content !== '') {
      throw fieldError('InvalidTask', field, path, 'content or content_base64, not both');
    }
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.toString('base64') !== base64) {
      throw fieldError(
        'InvalidTask',
        `${field}.content_base64`,
        base64,
        'base64 without stray bits',
      );
    }
    return { path, content: bytes };
  }
  if (typeof content !== 'string') {
    throw fieldError('InvalidTask', field, path, 'content or content_base64 beside file_path');
  }
  if (!content.isWellFormed()) {
    throw fieldError(
      'InvalidTask',
      `${field}.content`,
      content,
      'text that UTF-8 can hold (it has half of a surrogate pair)',
    );
  }
  return { path, content: Buffer.from(content, 'utf8') };
}

/** `reward_files`, and what travels in `input_files` below `reward/`; a path in both is the latter's. */
function rewardFiles(own: readonly DraftFile[], travelling: readonly DraftFile[]): DraftFile[] {
  const moved = travelling.map((file) => ({ ...file, path: file.path.slice('reward/'.length) }));
  const paths = new Set(moved.map(({ path }) => path));
  const files = [...own.filter(({ path }) => !paths.has(path)), ...moved];
  if (files.some(({ path }) => path === 'check.py')) return files;
  return files.map((file) =>
    file.path === 'test.py' && own.length === 0 ? { ...file, path: 'check.py' } : file,
  );
}

/**
 * The hook is the row's reward.sh where no file is; test.py became check.py. Without files it must be
 * the whole verifier.
 */
function withHook(
  files: readonly DraftFile[],
  { hook_code: hook, hook_lang: lang, reward_aggregation: aggregation }: z.infer<typeof zRow>,
): readonly DraftFile[] {
  if (typeof hook !== 'string' || hook.trim() === '') return files;
  if (aggregation === 'rubric_only' || files.some(({ path }) => path === 'reward.sh')) return files;
  if (files.length === 0 && /\breward\//.test(hook)) {
    throw fieldError('InvalidTask', 'hook_code', hook, 'reward_files with what it runs');
  }
  if (lang && !['bash', 'sh'].includes(lang.toLowerCase())) {
    throw fieldError('UnsupportedTask', 'hook_lang', lang, 'bash');
  }
  const script = files.some(({ path }) => path === 'test.py')
    ? hook
    : hook.replaceAll('reward/test.py', 'reward/check.py');
  return [...files, { path: 'reward.sh', content: Buffer.from(script, 'utf8') }];
}
