/**
 * Characters that text of foreign programs must not carry to a terminal, a log or a page: controls,
 * format characters (they reorder or hide text), line and paragraph separators, halves of surrogate
 * pairs, private and unassigned code points, and the letters of Hangul that are blank.
 */
export const UNSAFE_CHARACTERS =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}\u115f\u1160\u3164\uffa0]/gu;

/**
 * Text of foreign programs as one printable line of bounded length, so that it can neither draw on a
 * terminal nor break a log line: white space becomes one space, unsafe characters \u escapes.
 */
export function plainText(text: string, maxLength = 500): string {
  const line = text.trim().replaceAll(/\s+/g, ' ');
  const shown = line.replaceAll(
    UNSAFE_CHARACTERS,
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

/**
 * Whole text for a terminal: tabs and line ends are kept, other unsafe characters shown as `\u001b`.
 * Bytes are decoded as UTF-8.
 */
export function terminalText(text: string | Uint8Array): string {
  const decoded =
    typeof text === 'string'
      ? text
      : Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8');
  return decoded.replaceAll(UNSAFE_CHARACTERS, (char) => {
    if (char === '\t' || char === '\n') return char;
    const code = (char.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}
