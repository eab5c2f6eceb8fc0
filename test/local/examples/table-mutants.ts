import type { TextCase } from './mutants.ts';

/** One change at one place of a CSV table: rows, columns or cells. */
export function csvMutants(text: string, orderMatters: boolean): TextCase[] {
  const [header = [], ...rows] = parseCsv(text);
  const table = (name: string, body: readonly (readonly string[])[], head = header): TextCase => ({
    name,
    text: writeCsv([head, ...body]),
  });
  const byRow = rows.flatMap((row, index) => {
    const next = rows[index + 1];
    return [
      table(`row ${index} dropped`, rows.toSpliced(index, 1)),
      table(`row ${index} doubled`, rows.toSpliced(index, 0, row)),
      table(`row ${index} with a further cell`, rows.with(index, [...row, 'x'])),
      ...(orderMatters && next !== undefined
        ? [table(`row ${index} moved down`, rows.with(index, next).with(index + 1, row))]
        : []),
    ];
  });
  const byCell = header.flatMap((name, column) => [
    table(
      `column ${name} renamed`,
      rows,
      header.map((other) => (other === name ? `${name}_` : other)),
    ),
    table(
      `column ${name} dropped`,
      rows.map((row) => row.toSpliced(column, 1)),
      header.toSpliced(column, 1),
    ),
    ...rows
      .flatMap((row, index) => cellMutants(rows, row, index, column))
      .map(({ name: n, body }) => table(`${name}: ${n}`, body)),
  ]);
  return [table('no rows', []), ...byRow, ...byCell];
}

function cellMutants(
  rows: readonly (readonly string[])[],
  row: readonly string[],
  index: number,
  column: number,
): { name: string; body: readonly (readonly string[])[] }[] {
  const value = row[column] ?? '';
  const next = rows[index + 1];
  const mutants = [
    { name: `cell ${index} altered`, body: rows.with(index, row.with(column, `${value}x`)) },
    { name: `cell ${index} emptied`, body: rows.with(index, row.with(column, '')) },
  ];
  if (next !== undefined) {
    const lower = next.with(column, value);
    const upper = row.with(column, next[column] ?? '');
    mutants.push({
      name: `cells ${index} and ${index + 1} swapped`,
      body: rows.with(index, upper).with(index + 1, lower),
    });
  }
  return mutants.filter(({ body }) => writeCsv(body) !== writeCsv(rows));
}

/** The same table in another form. */
export function csvVariants(text: string, orderMatters: boolean): TextCase[] {
  const [header = [], ...rows] = parseCsv(text);
  const quoted = [header, ...rows].map((row) => row.map(quote).join(','));
  const variants = [{ name: 'all cells quoted', text: `${quoted.join('\r\n')}\r\n` }];
  if (!orderMatters) {
    variants.push({
      name: 'rows in another order',
      text: writeCsv([header, ...rows.toReversed()]),
    });
  }
  return variants;
}

/** Rows of a CSV text without line breaks inside cells. */
function parseCsv(text: string): string[][] {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  return lines.map((line) =>
    [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
      ([, quotedCell, bare]) => quotedCell?.replaceAll('""', '"') ?? bare ?? '',
    ),
  );
}

function writeCsv(table: readonly (readonly string[])[]): string {
  return table
    .map((row) => `${row.map((cell) => (/[",]/.test(cell) ? quote(cell) : cell)).join(',')}\n`)
    .join('');
}

function quote(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}
