/**
 * Text of foreign programs as one printable line of bounded length: control, format and
 * line-separator characters become spaces or \u escapes, so that it can neither draw on a terminal
 * nor break a log line.
 */
export function plainText(text: string, maxLength = 500): string {
  const line = text.trim().replaceAll(/\s+/g, ' ');
  const shown = line.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu,
    (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
  return shown.length <= maxLength
    ? shown
    : `${shown.slice(0, maxLength - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** The last non-empty line of captured output, as plain text; empty where there is none. */
export function lastLine(bytes: Uint8Array, maxLength = 300): string {
  const tail = Buffer.from(bytes.subarray(-8192)).toString('utf8');
  return plainText(tail.split('\n').findLast((line) => line.trim() !== '') ?? '', maxLength);
}
