/**
 * Bytes that a sandbox made, as text that is safe on a terminal: UTF-8 decoded, escape sequences and
 * other control characters shown as `\u001b`, tabs and line ends kept.
 */
export function sandboxText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.replaceAll(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

// Control characters but tab and line feed, and marks that reorder text.
const UNSAFE = /(?![\t\n])[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
