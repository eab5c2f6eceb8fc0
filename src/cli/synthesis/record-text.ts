import { terminalText } from '../../base/plain-text.ts';
import { table } from '../../base/table.ts';
import type { SynthesisCallRow } from '../../store/synthesis-records.ts';
import { taskIdOf } from '../../synthesis/candidate.ts';
import type { RecordData, SynthesisRecord } from '../../synthesis/record.ts';
import type { Sample } from '../../synthesis/sample.ts';
import type { RecordDetail } from './show-command.ts';

/** One record for people, as kubectl describes an object; `job` is the name of its SynthesisJob. */
export function recordText({ record, calls }: RecordDetail, job: string): string {
  const { data, number } = record;
  const task =
    data.task === undefined
      ? []
      : [field('Task', `${taskIdOf(job, number)} (sha256:${data.task})`)];
  return terminalText(
    [
      field('Record', `${number} of ${job}`),
      field('Outcome', outcomeOf(record)),
      ...(data.rejection === undefined ? [] : text('Message', data.rejection.message)),
      ...task,
      ...sampleLines(data.sample),
      ...draftLines(data),
      ...list('Malformed answers', data.malformed),
      ...list('Repairs', data.repairs),
      ...list('Gates', (data.gates ?? []).map(gateLine)),
      ...callLines(calls),
    ].join(''),
  );
}

function outcomeOf({ stage, data: { rejection } }: SynthesisRecord): string {
  if (stage === 'accepted') return stage;
  return rejection === undefined
    ? `open, at ${stage}`
    : `rejected by ${rejection.stage} (${rejection.reason})`;
}

function sampleLines(sample: Sample): readonly string[] {
  const category = field('Category', `${sample.category.id} (${sample.category.name})`);
  if (sample.route === 'persona') {
    const operations = sample.operations.map(({ id, name }) => `${id}: ${name}`);
    const { id, text: words } = sample.persona;
    return [...text(`Persona ${id}`, words), category, ...list('Operations', operations)];
  }
  const skills = [sample.primary, ...sample.supporting];
  return [
    ...list(
      'Skills',
      skills.map(({ id, description }) => `${id}: ${description}`),
    ),
    category,
  ];
}

function draftLines({ draft, files = [], solution = [], verifier = [], rubric }: RecordData) {
  if (draft === undefined) return [];
  const parts = [
    ...files.map((file) => ({ ...file, part: 'input' })),
    ...solution.map((file) => ({ ...file, part: 'solution' })),
    ...verifier.map((file) => ({ ...file, part: 'verifier' })),
  ];
  const rows = parts.map(({ path, part, text: content }) => [
    `  ${oneLine(path)}`,
    part,
    String(Buffer.byteLength(content)),
  ]);
  return [
    field('Title', oneLine(draft.title)),
    ...text('Instruction', draft.instruction),
    ...list('Outputs', draft.outputs),
    ...(rows.length === 0 ? [] : [table(['Files:', 'PART', 'BYTES'], rows)]),
    ...list(
      'Rubric',
      (rubric ?? []).map(({ name, path }) => `${name}: ${path}`),
    ),
  ];
}

const gateLine = ({ gate, reason, message }: NonNullable<RecordData['gates']>[number]): string =>
  `${gate}: ${reason}${message === '' ? '' : `: ${message}`}`;

function callLines(calls: readonly SynthesisCallRow[]): readonly string[] {
  if (calls.length === 0) return ['Calls:        <none>\n'];
  const rows = calls.map((call) => [
    `  ${labelOf(call)}`,
    ...[call.role, oneLine(call.model), String(call.status)],
    ...[String(call.inputTokens), String(call.outputTokens)],
    ((call.endedAt - call.startedAt) / 1000).toFixed(1),
  ]);
  return [table(['Calls:', 'ROLE', 'MODEL', 'STATUS', 'INPUT', 'OUTPUT', 'SECONDS'], rows)];
}

/** What was asked: the id without job and record. */
const labelOf = ({ callId, job, number }: SynthesisCallRow): string =>
  callId.replace(`${job}/${number}/`, '');

const oneLine = (words: string): string => words.replaceAll(/\s+/g, ' ');

function field(name: string, value: string): string {
  return `${`${name}:`.padEnd(14)}${value}\n`;
}

function text(name: string, words: string): readonly string[] {
  return [`${name}:\n`, `${words.trimEnd().replaceAll(/^/gm, '  ')}\n`];
}

function list(name: string, rows: readonly string[]): readonly string[] {
  if (rows.length === 0) return [];
  return [`${name}:\n`, ...rows.map((row) => `  ${row.trimEnd().replaceAll('\n', '\n  ')}\n`)];
}
