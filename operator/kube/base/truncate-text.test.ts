import fc from 'fast-check';
import { expect, test } from 'vitest';
import { truncateText } from './truncate-text.ts';

test('never above its limit in bytes, never half a character, unchanged where it fits', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.integer({ min: 16, max: 100 }),
      (text, max) => {
        const cut = truncateText(text, max);
        const bytes = Buffer.byteLength(text);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(Math.max(max, 0));
        if (bytes <= max) expect(cut).toBe(text);
        else {
          expect(cut.endsWith('… (cut)')).toBe(true);
          expect(text.startsWith(cut.slice(0, -'… (cut)'.length))).toBe(true);
        }
      },
    ),
  );
});
