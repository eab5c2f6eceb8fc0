/** A value of a GGUF file's head; the format has more kinds than are needed here. */
export type GgufValue =
  | { readonly type: 'uint32' | 'float32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'int32s'; readonly value: readonly number[] };

export interface GgufTensor {
  readonly name: string;
  /** Fastest index first. */
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const MAGIC = 0x46554747;
const VERSION = 3;
const ALIGNMENT = 32;
/** Numbers of the kinds of values, from the format's specification (version 3). */
const KIND = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
const FLOAT32_TENSOR = 0;

/** The bytes of a GGUF file, version 3, with tensors of 32-bit floats. */
export function ggufBytes(
  head: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Buffer {
  const parts: Buffer[] = [uint32(MAGIC), uint32(VERSION)];
  parts.push(uint64(tensors.length), uint64(Object.keys(head).length));
  for (const [key, value] of Object.entries(head)) parts.push(text(key), ...valueBytes(value));
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    parts.push(text(name), uint32(shape.length), ...shape.map(uint64));
    parts.push(uint32(FLOAT32_TENSOR), uint64(offset));
    offset += padded(data.byteLength);
  }
  const before = Buffer.concat(parts);
  const bodies = tensors.map(({ data }) => {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    return Buffer.concat([bytes, Buffer.alloc(padded(bytes.length) - bytes.length)]);
  });
  return Buffer.concat([before, Buffer.alloc(padded(before.length) - before.length), ...bodies]);
}

function valueBytes(value: GgufValue): readonly Buffer[] {
  switch (value.type) {
    case 'uint32':
      return [uint32(KIND.uint32), uint32(value.value)];
    case 'float32':
      return [uint32(KIND.float32), float32(value.value)];
    case 'bool':
      return [uint32(KIND.bool), Buffer.from([value.value ? 1 : 0])];
    case 'string':
      return [uint32(KIND.string), text(value.value)];
    case 'strings':
      return list(KIND.string, value.value.map(text));
    case 'int32s':
      return list(KIND.int32, value.value.map(int32));
  }
}

function list(kind: number, items: readonly Buffer[]): readonly Buffer[] {
  return [uint32(KIND.array), uint32(kind), uint64(items.length), ...items];
}

const padded = (size: number): number => Math.ceil(size / ALIGNMENT) * ALIGNMENT;

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([uint64(bytes.length), bytes]);
}
