/**
 * The smallest content of each type that a reader accepts as that type. No content is taken from the
 * task: a check that such a file passes asks for its existence or its type and nothing more.
 */
export function placeholderFor(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const extension = name.includes('.') ? name.slice(name.lastIndexOf('.') + 1).toLowerCase() : '';
  return PLACEHOLDERS.get(extension) ?? 'placeholder\n';
}

const PLACEHOLDERS: ReadonlyMap<string, string> = new Map([
  ['json', '{}\n'],
  ['geojson', '{}\n'],
  ['ipynb', '{}\n'],
  ['jsonl', '{}\n'],
  ['ndjson', '{}\n'],
  ['csv', 'a,b\n1,2\n'],
  ['tsv', 'a\tb\n1\t2\n'],
  ['md', '# Placeholder\n\nplaceholder\n'],
  ['yaml', 'placeholder: 1\n'],
  ['yml', 'placeholder: 1\n'],
  ['toml', 'placeholder = 1\n'],
  ['ini', '[placeholder]\n'],
  ['xml', '<placeholder/>\n'],
  ['svg', '<svg xmlns="http://www.w3.org/2000/svg"/>\n'],
  ['html', '<!DOCTYPE html><html><body><p>placeholder</p></body></html>\n'],
  ['htm', '<!DOCTYPE html><html><body><p>placeholder</p></body></html>\n'],
  ['py', '# placeholder\n'],
  ['sh', '#!/bin/sh\n# placeholder\n'],
  ['js', '// placeholder\n'],
  ['ts', '// placeholder\n'],
  ['sql', '-- placeholder\n'],
  ['ics', 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:placeholder\r\nEND:VCALENDAR\r\n'],
]);
