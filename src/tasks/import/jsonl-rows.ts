import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';

/** A line of a JSONL file: its text, or why it cannot be read. Empty lines are not given out. */
export type JsonlRow =
  | { readonly row: number; readonly text: string }
  | { readonly row: number; readonly refused: 'too-large' | 'not-utf8'; readonly head: string };

/**
 * The lines of a JSONL file in order, numbered from 1. Takes CRLF and a byte-order mark; holds at
 * most `rowBytes` of one line, a longer one is skipped and reported.
 */
export async function* jsonlRows(
  file: string,
  rowBytes: number,
  signal: AbortSignal,
): AsyncGenerator<JsonlRow> {
  const handle = await open(file, 'r');
  let held: Buffer[] = [];
  let size = 0;
  let row = 0;
  const take = (): JsonlRow | undefined => {
    row += 1;
    const bytes = Buffer.concat(held);
    const full = size;
    held = [];
    size = 0;
    return rowOf(row, bytes, full > rowBytes);
  };
  try {
    const chunks: AsyncIterable<unknown> = handle.createReadStream({
      highWaterMark: 1 << 20,
      autoClose: false,
    });
    for await (const bytes of chunks) {
      signal.throwIfAborted();
      if (!Buffer.isBuffer(bytes)) continue;
      let start = 0;
      for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
        if (size <= rowBytes) held.push(bytes.subarray(start, end));
        size += end - start;
        const found = take();
        if (found) yield found;
        start = end + 1;
      }
      if (size <= rowBytes) held.push(bytes.subarray(start));
      size += bytes.length - start;
    }
    const last = size > 0 ? take() : undefined;
    if (last) yield last;
  } finally {
    await handle.close();
  }
}

function rowOf(row: number, bytes: Buffer, tooLarge: boolean): JsonlRow | undefined {
  const head = bytes.subarray(0, 60).toString('latin1');
  if (tooLarge) return { row, refused: 'too-large', head };
  if (!isUtf8(bytes)) return { row, refused: 'not-utf8', head };
  const text = bytes
    .toString('utf8')
    .replace(/^\ufeff/, row === 1 ? '' : '\ufeff')
    .trim();
  return text === '' ? undefined : { row, text };
}
