import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { wholeBytes } from './whole-bytes.ts';

test.each([
  { pieces: [], text: '' },
  { pieces: ['one'], text: 'one' },
  { pieces: ['one ', '', 'two ', 'three'], text: 'one two three' },
])('$pieces are $text', async ({ pieces, text }) => {
  const stream = Readable.from(pieces.map((piece) => Buffer.from(piece)));
  expect((await wholeBytes(stream)).toString()).toBe(text);
});

test('throws what the stream throws', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('one');
    throw new Error('lost');
  }
  await expect(wholeBytes(broken())).rejects.toThrow('lost');
});

test('takes no text for bytes', async () => {
  const given = wholeBytes(Readable.from(['text']));
  await expect(given).rejects.toMatchObject({ code: 'Internal' });
});
