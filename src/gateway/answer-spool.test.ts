import { readdir } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import { AnswerSpool } from './answer-spool.ts';

it('gives every reader the same bytes, in memory and in a file, whenever it comes', async () => {
  await using dir = await tempDir();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
      fc.nat(20),
      async (chunks, late) => {
        const spool = new AnswerSpool({ dir: dir.path, memoryBytes: 100, maxBytes: 10_000 });
        const { signal } = new AbortController();
        const readers = [collect(spool.read(signal))];
        for (const [index, chunk] of chunks.entries()) {
          if (index === late) readers.push(collect(spool.read(signal)));
          await spool.append(chunk);
          spool.release();
        }
        spool.finish();
        readers.push(collect(spool.read(signal)), collect(spool.contents()));
        const all = Buffer.concat(chunks);
        for (const bytes of await Promise.all(readers)) expect(bytes.equals(all)).toBe(true);
        await spool.dispose();
      },
    ),
    { numRuns: 50 },
  );
  expect(await readdir(dir.path)).toEqual([]);
});

it('shows nothing that was not released, and forgets it on a rewind', async () => {
  const spool = new AnswerSpool({ dir: '/nonexistent', memoryBytes: 100, maxBytes: 50 });
  await spool.append(Buffer.from('seen'));
  spool.release();
  await spool.append(Buffer.from('held'));
  spool.rewind();
  await spool.append(Buffer.from(' end'));
  spool.finish();
  expect((await collect(spool.read(new AbortController().signal))).toString()).toBe('seen end');
  await expect(spool.append(Buffer.alloc(51))).rejects.toMatchObject({ code: 'TooLarge' });
});

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}
