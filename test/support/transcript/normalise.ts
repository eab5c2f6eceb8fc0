const TIME = '2026-03-01T12:00:00Z';
const AGE = '1m';
/** Where a pod's row stands in which Job of its batch is a matter of time. */
const POD =
  /(?<batch>quickstart-[a-z]+-0abc123)-[0-9a-f]{5}-[0-9a-f]{6}-(?<phase>[gv])\d+-\d+-[0-9a-z]{5}\b/g;
const DIGEST = '0123456789abcdef'.repeat(4);

/**
 * An output with one value for whatever differs in each run: the namespace, uids, versions, digests,
 * times, ages, nodes, and the hashes at the end of names. The rest stands as it was said.
 */
export function normalised(output: string, namespace: string): string {
  const text = output
    .replaceAll(namespace, 'clawgym')
    .replaceAll(
      /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
      '00000000-0000-4000-8000-000000000000',
    )
    .replaceAll(/(quickstart-[a-z]+)-[0-9a-z]{7}\b/g, '$1-0abc123')
    .replaceAll(POD, '$<batch>-0abcd-012345-$<phase>1-0-x7k2p')
    .replaceAll(/\bon node-\d+\b/g, 'on node-1')
    .replaceAll(/\b[0-9a-f]{64}\b/g, DIGEST)
    .replaceAll(/\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b/g, DIGEST.slice(0, 12))
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, TIME)
    .replaceAll(/(LAST DEPLOYED: ).*/g, `$1${TIME}`)
    .replaceAll(/(Resource Version: +)\d+/g, '$11000');
  return withPlainEvents(text.split('\n').map(withPlainAge)).join('\n');
}

/** The last column of a table. */
function withPlainAge(line: string): string {
  return line.replace(/( {2,})(?:\d+[dhms]){1,2}$/, `$1${AGE}`);
}

const EVENT = /^ {2}(?:Normal|Warning) /;

/** The events of `kubectl describe`: without their ages, in columns again. */
function withPlainEvents(lines: readonly string[]): readonly string[] {
  const rows = lines.filter((line) => EVENT.test(line)).map(cells);
  if (rows.length === 0) return lines;
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0), HEAD[column]?.length ?? 0),
  );
  const shown = (row: readonly string[]): string =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd();
  return lines.map((line) => {
    if (EVENT.test(line)) return shown(cells(line));
    if (/^ {2}Type +Reason +Age +From +Message$/.test(line)) return shown(HEAD);
    return /^ {2}-{4} +-{6} +-{4}/.test(line)
      ? shown(HEAD.map((word) => '-'.repeat(word.length)))
      : line;
  });
}

const HEAD = ['Type', 'Reason', 'Age', 'From', 'Message'];

function cells(line: string): readonly string[] {
  const [type = '', reason = '', , from = '', ...words] = line.trim().split(/ {2,}/);
  return [type, reason, AGE, from, words.join('  ')];
}
