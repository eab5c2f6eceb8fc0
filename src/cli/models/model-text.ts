import { isRecord, type Sha256 } from '../../base/brand.ts';
import { plainText } from '../../base/plain-text.ts';
import { table } from '../../base/table.ts';
import type { ModelManifest, ModelRecord } from '../../training/model-manifest.ts';
import { evaluationTable } from './evaluation-table.ts';

/** Name and value; a nameless one goes on with the value above. */
type Fact = readonly [string, string | undefined];

/** One model for people: what it is, where it comes from, what its run measured, its files. */
export function modelText(digest: Sha256, manifest: ModelManifest): string {
  const { kind, base, record, files, template, tokenizer } = manifest;
  const facts: readonly Fact[] = [
    ['Model', `sha256:${digest}`],
    ['Kind', kind],
    ['Base', base],
    ['Run', record.run ?? 'none: imported'],
    ['Contract', record.contract],
    ['Data', record.data],
    ['Task set', record.taskSet],
    ['Tasks', record.tasks && `${record.tasks.length} drawn`],
    ['Image', record.image],
    ['Steps', record.steps?.toString()],
    ['Tokens', record.tokens?.toString()],
    ['Seed', record.seed?.toString()],
    ['Parents', record.parents.length === 0 ? undefined : record.parents.join(', ')],
    ...settingsOf(record.hyper),
    ['Canary', record.canary && canaryOf(record.canary)],
    ['Libraries', record.versions && namesOf(record.versions)],
    ['Template', template.sha256],
    ['Tokenizer', tokenizer.sha256],
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === undefined || value === ''
      ? []
      : [`${(name === '' ? '' : `${name}:`).padEnd(12)}${value}\n`],
  );
  const rows = files.map((file) => [file.path, String(file.bytes), file.digest.slice(0, 12)]);
  const measured = evaluationTable(record.evaluations);
  const parts = [lines.join(''), measured, table(['FILE', 'BYTES', 'SHA-256'], rows)];
  return parts.filter((part) => part !== '').join('\n');
}

const namesOf = (versions: Readonly<Record<string, string>>): string =>
  Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');

/** One line for each part of the settings, such as the method; a record may be made by anybody. */
function settingsOf(hyper: ModelRecord['hyper']): readonly Fact[] {
  if (!isRecord(hyper)) return [];
  return Object.entries(hyper).map(([part, value], index): Fact => {
    const text = isRecord(value) ? `${part}: ${leavesOf(value, '').join(', ')}` : leaf(part, value);
    return [index === 0 ? 'Settings' : '', plainText(text)];
  });
}

/** Every value with its path, such as `algorithm.groupSize 8`. */
function leavesOf(part: Readonly<Record<string, unknown>>, path: string): readonly string[] {
  return Object.entries(part).flatMap(([name, value]) =>
    isRecord(value) ? leavesOf(value, `${path}${name}.`) : [leaf(`${path}${name}`, value)],
  );
}

const leaf = (name: string, value: unknown): string =>
  `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`;

/** The start of the question, and how long its recorded answer is. */
const canaryOf = ({ prompt, ids }: NonNullable<ModelRecord['canary']>): string =>
  `${ids.length} token ids after "${plainText(prompt, 60)}"`;
