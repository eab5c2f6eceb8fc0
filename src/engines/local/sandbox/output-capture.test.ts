import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutputCapture } from './output-capture.ts';

describe('output capture', () => {
  it('keeps a short output whole', () => {
    const capture = new OutputCapture(8);
    capture.push(Buffer.from('hello'));
    capture.push(Buffer.from(' all'));
    expect(capture.finish()).toEqual({
      bytes: new Uint8Array(Buffer.from('hello all')),
      totalBytes: 9,
      truncated: false,
    });
  });

  it('says how much it left out between head and tail', () => {
    const capture = new OutputCapture(4);
    capture.push(Buffer.from('abcdefghijkl'));
    const got = capture.finish();
    expect(Buffer.from(got.bytes).toString()).toBe('abcd\n[... 4 bytes left out ...]\nijkl');
    expect(got).toMatchObject({ totalBytes: 12, truncated: true });
  });

  it('equals head and tail of the whole stream however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
        fc.integer({ min: 0, max: 30 }),
        (chunks, keep) => {
          const capture = new OutputCapture(keep);
          for (const chunk of chunks) capture.push(chunk);
          const whole = Buffer.concat(chunks);
          const got = capture.finish();
          expect(got.totalBytes).toBe(whole.length);
          expect(got.truncated).toBe(whole.length > 2 * keep);
          const left = whole.length - 2 * keep;
          const expected = got.truncated
            ? Buffer.concat([
                whole.subarray(0, keep),
                Buffer.from(`\n[... ${left} bytes left out ...]\n`),
                whole.subarray(whole.length - keep),
              ])
            : whole;
          expect(Buffer.from(got.bytes).equals(expected)).toBe(true);
        },
      ),
    );
  });
});
