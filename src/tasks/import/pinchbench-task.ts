import { z } from 'zod';
import { ownValue } from '../../base/own-value.ts';
import type { TaskInput } from '../task.ts';
import type { DraftFile, TaskDraft } from '../task-draft.ts';
import type { ImportLimits } from './import-limits.ts';
import { fieldError, parseField } from './import-problem.ts';
import { fencesOf, type MarkdownSection, splitSections } from './markdown-sections.ts';
import { parseYamlText } from './parse-yaml.ts';
import { needsOf } from './pinchbench-needs.ts';
import { DEFAULT_WORKSPACE_PATH } from './reward-sh.ts';

const zSession = z.union([
  z.string().min(1),
  z.looseObject({
    id: z.string().optional(),
    prompt: z.string().min(1).optional(),
    message: z.string().min(1).optional(),
    new_session: z.boolean().optional(),
  }),
]);

const zFrontMatter = z.looseObject({
  id: z.string().optional(),
  name: z.string().optional(),
  category: z.string().nullish(),
  grading_type: z.enum(['automated', 'llm_judge', 'hybrid']).default('automated'),
  grading_weights: z.record(z.string(), z.number().min(0)).nullish(),
  timeout_seconds: z.number().positive().default(120),
  workspace_files: z
    .array(
      z.union([
        z.looseObject({ path: z.string(), content: z.string() }),
        z.looseObject({ source: z.string(), dest: z.string() }),
      ]),
    )
    .nullish(),
  sessions: z.array(zSession).nullish(),
  prerequisites: z.array(z.string()).nullish(),
});
type FrontMatter = z.infer<typeof zFrontMatter>;

const USED = new Set([
  'id',
  'name',
  'category',
  'grading_type',
  'timeout_seconds',
  'workspace_files',
  'sessions',
  'grading_weights',
]);

export interface PinchBenchSource {
  /** File name without `.md`: the task's id. */
  readonly stem: string;
  readonly text: string;
  /** Category of the manifest, which wins over the front matter's. */
  readonly category: string | undefined;
  readonly strictUpstream: boolean;
  readonly provenance: Readonly<Record<string, unknown>>;
  readonly limits: ImportLimits;
  readonly warn: (warning: string) => void;
  /** Contents of an asset; throws where it is missing. */
  readAsset(source: string, field: string): Promise<DraftFile>;
}

/** Imports one PinchBench Markdown file. */
export async function draftOfPinchBench(source: PinchBenchSource): Promise<TaskDraft> {
  const { front, sections } = parseFile(source);
  const meta = parseField(zFrontMatter, front, 'front matter');
  const section = (title: string): string =>
    sections.find((found) => found.title === title)?.body ?? '';
  const inputs = await workspaceFiles(meta, source);
  const turns = turnsOf(meta, section('Prompt'));
  const verifier =
    meta.grading_type === 'llm_judge'
      ? undefined
      : graderOf(section('Automated Checks'), meta, source);
  const rubric =
    meta.grading_type === 'automated'
      ? undefined
      : rubricOf(section('LLM Judge Rubric'), section('Grading Criteria'));
  const kept = Object.fromEntries(
    Object.entries(meta).filter(([key, value]) => !USED.has(key) && value !== null),
  );
  return {
    id: source.stem,
    instruction: { turns },
    workspacePath: DEFAULT_WORKSPACE_PATH,
    inputs,
    ...(verifier && { verifier }),
    ...(rubric && { rubric }),
    weights: weightsOf(meta, source.warn),
    environment: { needs: needsOf(source.stem, inputs, meta.prerequisites ?? [], turns.length) },
    timeouts: { agentSeconds: Math.ceil(meta.timeout_seconds), verifierSeconds: 60 },
    category: (source.category ?? meta.category ?? '').toLowerCase(),
    extra: {
      pinchbench: {
        ...kept,
        name: meta.name ?? source.stem,
        gradingType: meta.grading_type,
        ...(meta.id !== undefined && meta.id !== source.stem && { alias: meta.id }),
        ...(meta.sessions && meta.sessions.length > 0 && { prompt: section('Prompt') }),
        expectedBehavior: section('Expected Behavior'),
        gradingCriteria: section('Grading Criteria'),
        additionalNotes: section('Additional Notes'),
      },
    },
    provenance: { ...source.provenance },
  };
}

function parseFile({ text, limits, strictUpstream }: PinchBenchSource): {
  front: unknown;
  sections: MarkdownSection[];
} {
  const unix = text.replaceAll('\r\n', '\n');
  const end = unix.startsWith('---\n') ? unix.indexOf('\n---\n', 3) : -1;
  if (end < 0)
    throw fieldError(
      'InvalidTask',
      'front matter',
      unix.slice(0, 20),
      'YAML between two "---" lines',
    );
  const front = parseYamlText(unix.slice(4, end + 1), 'front matter', limits);
  return { front, sections: splitSections(unix.slice(end + 5), strictUpstream) };
}

async function workspaceFiles(meta: FrontMatter, source: PinchBenchSource): Promise<DraftFile[]> {
  const files: DraftFile[] = [];
  for (const [index, file] of (meta.workspace_files ?? []).entries()) {
    const field = `workspace_files[${index}]`;
    if ('source' in file && typeof file.source === 'string' && typeof file.dest === 'string') {
      const asset = await source.readAsset(file.source, `${field}.source`);
      files.push({ ...asset, path: file.dest });
    } else if (
      'content' in file &&
      typeof file.content === 'string' &&
      typeof file.path === 'string'
    ) {
      files.push({ path: file.path, content: Buffer.from(file.content, 'utf8') });
    }
  }
  return files;
}

function turnsOf(meta: FrontMatter, prompt: string): TaskInput['instruction']['turns'] {
  const sessions = meta.sessions ?? [];
  if (sessions.length === 0) {
    if (prompt === '')
      throw fieldError(
        'InvalidTask',
        'Prompt',
        prompt,
        'a "## Prompt" section with text, or sessions',
      );
    return [{ text: prompt }];
  }
  return sessions.map((session, index) => {
    if (typeof session === 'string') return { text: session };
    const text = session.prompt ?? session.message;
    if (text === undefined)
      throw fieldError('InvalidTask', `sessions[${index}]`, session, 'prompt or message');
    return { text, newSession: session.new_session ?? false };
  });
}

function graderOf(
  section: string,
  meta: FrontMatter,
  source: PinchBenchSource,
): TaskDraft['verifier'] {
  const code = source.strictUpstream
    ? upstreamFence(section)
    : fencesOf(section).find(({ info }) => /^(?:python3?|py)\b/i.test(info))?.body;
  if (code === undefined) {
    throw fieldError(
      'InvalidTask',
      'Automated Checks',
      section,
      `a Python code block, since grading_type is ${meta.grading_type}`,
    );
  }
  if (!/^(?:async\s+)?def\s+grade\s*\(/m.test(code)) {
    throw fieldError('InvalidTask', 'Automated Checks', code, 'a top-level function "grade"');
  }
  const content = Buffer.from(code.endsWith('\n') ? code : `${code}\n`, 'utf8');
  return { dialect: 'pinchbench', entry: 'grade.py', files: [{ path: 'grade.py', content }] };
}

/** What upstream's one pattern finds, without its steps back over blank lines. */
function upstreamFence(section: string): string | undefined {
  const start = /```python\s*\n/.exec(section);
  if (start === null) return undefined;
  const from = start.index + start[0].length;
  const end = section.indexOf('```', from);
  return end < 0 ? undefined : section.slice(from, end);
}

const CRITERION = /^###\s+(.+?)\s*\(Weight:\s*(\d+(?:\.\d+)?)\s*%\)\s*$/;

/** One rule a weighted criterion; a rubric of another form, or the checklist, is one rule. */
function rubricOf(rubric: string, checklist: string): NonNullable<TaskDraft['rubric']> {
  const text = rubric === '' ? checklist : rubric;
  if (text === '') {
    throw fieldError(
      'InvalidTask',
      'LLM Judge Rubric',
      text,
      'a rubric or grading criteria, since a judge grades this task',
    );
  }
  const rules: { name: string; weight: string; lines: string[] }[] = [];
  for (const line of text.split('\n')) {
    const found = CRITERION.exec(line);
    if (found?.[1] !== undefined && found[2] !== undefined)
      rules.push({ name: found[1], weight: found[2], lines: [] });
    else if (rules.length > 0) rules.at(-1)?.lines.push(line);
    else if (line.trim() !== '') return [{ name: rubric === '' ? 'criteria' : 'rubric', text }];
  }
  const parsed = rules.map(({ name, weight, lines }) => ({
    name,
    weight,
    text: lines.join('\n').trim(),
  }));
  const whole =
    parsed.length === 0 ||
    parsed.some((rule) => rule.text === '') ||
    new Set(rules.map(({ name }) => name)).size < rules.length;
  return whole ? [{ name: 'rubric', text }] : parsed;
}

const WEIGHT_NAMES: Readonly<Record<string, 'code' | 'rubric'>> = {
  automated: 'code',
  auto: 'code',
  code: 'code',
  llm_judge: 'rubric',
  llm: 'rubric',
  llmjudge: 'rubric',
  judge: 'rubric',
  rubric: 'rubric',
};

function weightsOf(
  meta: FrontMatter,
  warn: (warning: string) => void,
): { code: string; rubric: string } {
  const given = { code: 0.5, rubric: 0.5 };
  for (const [key, value] of Object.entries(meta.grading_weights ?? {})) {
    const half = ownValue(WEIGHT_NAMES, key.toLowerCase().replaceAll('-', '_'));
    if (half === undefined) warn(`grading_weights.${key} is not a known half; 0.5 is used`);
    else given[half] = value;
  }
  const sum = given.code + given.rubric;
  if (sum <= 0) throw fieldError('InvalidTask', 'grading_weights', sum, 'a sum above 0');
  const share = (value: number): string => String(Number((value / sum).toFixed(6)));
  return { code: share(given.code), rubric: share(given.rubric) };
}
