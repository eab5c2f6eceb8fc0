import { ClawError } from '../../base/error.ts';

/** Arrays that a safetensors file can hold here, by the name of their type in its header. */
export type Tensor =
  | { readonly dtype: 'I32'; readonly data: Int32Array }
  | { readonly dtype: 'I64'; readonly data: BigInt64Array }
  | { readonly dtype: 'U8'; readonly data: Uint8Array }
  | { readonly dtype: 'F32'; readonly data: Float32Array };

const ALIGNMENT = 8;

/**
 * The bytes of a safetensors file of one-dimensional arrays (format: 8 bytes length of the header,
 * little-endian; JSON header; raw buffers). Tensors lie in order of their element size, so that each is
 * aligned; the same tensors give the same bytes.
 */
export function safetensors(tensors: Readonly<Record<string, Tensor>>): Uint8Array {
  const ordered = Object.entries(tensors).toSorted(
    ([a, left], [b, right]) =>
      right.data.BYTES_PER_ELEMENT - left.data.BYTES_PER_ELEMENT || (a < b ? -1 : 1),
  );
  const header: Record<string, object> = {};
  let offset = 0;
  for (const [name, { dtype, data }] of ordered) {
    const end = offset + data.byteLength;
    header[name] = { dtype, shape: [data.length], data_offsets: [offset, end] };
    offset = end;
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Math.ceil(text.length / ALIGNMENT) * ALIGNMENT;
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded));
  const spaces = Buffer.alloc(padded - text.length, ' ');
  return Buffer.concat([length, text, spaces, ...ordered.map(([, { data }]) => bytesOf(data))]);
}

function bytesOf(data: Tensor['data']): Uint8Array {
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
    throw new ClawError('Internal', 'safetensors are little-endian, and this machine is not');
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
