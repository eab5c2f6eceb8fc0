const MARK = '… (cut)';

/**
 * At most `maxBytes` of UTF-8, never half a character; what was cut ends with a mark. Bytes, since
 * the API server counts event notes so and counts no other text stricter.
 */
export function truncateText(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes - new TextEncoder().encode(MARK).length;
  // A byte 10xxxxxx continues a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return new TextDecoder().decode(bytes.subarray(0, Math.max(0, end))) + MARK;
}
