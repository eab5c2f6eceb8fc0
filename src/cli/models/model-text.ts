import type { Sha256 } from '../../base/brand.ts';
import { table } from '../../base/table.ts';
import type { ModelManifest } from '../../training/model-manifest.ts';
import { evaluationTable } from './evaluation-table.ts';

/** One model for people: what it is, where it comes from, what its run measured, its files. */
export function modelText(digest: Sha256, manifest: ModelManifest): string {
  const { kind, base, record, files, template, tokenizer } = manifest;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Model', `sha256:${digest}`],
    ['Kind', kind],
    ['Base', base],
    ['Run', record.run ?? 'none: imported'],
    ['Contract', record.contract],
    ['Data', record.data],
    ['Task set', record.taskSet],
    ['Image', record.image],
    ['Steps', record.steps?.toString()],
    ['Tokens', record.tokens?.toString()],
    ['Seed', record.seed?.toString()],
    ['Parents', record.parents.length === 0 ? undefined : record.parents.join(', ')],
    ['Libraries', record.versions && namesOf(record.versions)],
    ['Template', template.sha256],
    ['Tokenizer', tokenizer.sha256],
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${`${name}:`.padEnd(12)}${value}\n`],
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
