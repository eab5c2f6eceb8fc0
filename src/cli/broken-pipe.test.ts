import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { outliveReaders } from './broken-pipe.ts';

const fault = (code: string) => Object.assign(new Error(`${code}: write`), { code });

it('goes on without a reader, and says why it cannot where the disk is full', () => {
  const stream = new PassThrough();
  const said: string[] = [];
  outliveReaders([stream], (why) => void said.push(why));
  stream.emit('error', fault('EPIPE'));
  expect(said).toEqual([]);
  stream.emit('error', fault('ENOSPC'));
  expect(said).toEqual(['error: the output cannot be written: ENOSPC: write\n']);
});
