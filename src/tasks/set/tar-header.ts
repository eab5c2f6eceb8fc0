/**
 * The one form of tar entry that a task set uses: ustar, plain file, mode 0644, owner 0, time 0. The
 * reader makes the header that it expects and compares bytes, so links, devices, extended headers
 * and anything else never get as far as being interpreted.
 */
export const BLOCK = 512;
/** Two zero blocks end a tar file. */
export const TRAILER_BYTES = 2 * BLOCK;
/** ustar's size field holds eleven octal digits. */
const MAX_SIZE = 0o77777777777;

export function tarHeader(name: string, size: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`tar name too long: ${name}`);
  if (size > MAX_SIZE) throw new RangeError(`tar entry too large: ${size} bytes`);
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 'utf8');
  header.write('0000644\0', 100, 'latin1');
  header.write('0000000\0', 108, 'latin1');
  header.write('0000000\0', 116, 'latin1');
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.write('00000000000\0', 136, 'latin1');
  header.write('        ', 148, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** Zero bytes that fill an entry of this size to whole blocks. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** Name and size of an entry, or undefined where the block is not exactly one of ours. */
export function readTarHeader(block: Buffer): { name: string; size: number } | undefined {
  const end = block.indexOf(0);
  const name = block.subarray(0, end === -1 ? 100 : Math.min(end, 100)).toString('utf8');
  const digits = block.subarray(124, 135).toString('latin1');
  if (!/^[0-7]{11}$/.test(digits) || Buffer.byteLength(name) > 100) return undefined;
  const size = Number.parseInt(digits, 8);
  return tarHeader(name, size).equals(block) ? { name, size } : undefined;
}

function checksum(header: Buffer): number {
  let sum = 0;
  for (const byte of header) sum += byte;
  return sum;
}
