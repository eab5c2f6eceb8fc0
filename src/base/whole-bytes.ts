import { ClawError } from './error.ts';

/**
 * All bytes of a stream that its caller has bounded. The platform's `buffer()` goes through a Blob,
 * which takes half a millisecond however little there is. Throws what the stream throws, and
 * `Internal` where it gives anything but bytes.
 */
export async function wholeBytes(source: AsyncIterable<unknown>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) {
    if (!(piece instanceof Uint8Array))
      throw new ClawError('Internal', `a stream of bytes gave a ${typeof piece}`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
