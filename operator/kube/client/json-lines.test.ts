import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from './json-lines.ts';

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted(
    (a, b) => a - b,
  );
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
}

describe('lines of a byte stream', () => {
  it('are the same wherever the chunks end', () => {
    const line = fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify({ text }));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), (lines, places) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
        const splitter = new LineSplitter();
        const got = cut(bytes, places).flatMap((chunk) => splitter.push(chunk));
        expect(got).toEqual(lines);
        expect(splitter.heldBytes).toBe(0);
      }),
    );
  });

  it('without their end are held, not given', () => {
    const splitter = new LineSplitter();
    expect(splitter.push(Buffer.from('{"a":1}\r\n\n{"b"'))).toEqual(['{"a":1}']);
    expect(splitter.heldBytes).toBe(4);
  });

  it('may not grow beyond the limit, in one chunk or in many', () => {
    const splitter = new LineSplitter(8);
    expect(splitter.push(Buffer.from('12345678\n12345'))).toEqual(['12345678']);
    expect(() => splitter.push(Buffer.from('6789'))).toThrow(RangeError);
    expect(() => new LineSplitter(8).push(Buffer.from('123456789\n'))).toThrow(/8 bytes/);
  });
});
