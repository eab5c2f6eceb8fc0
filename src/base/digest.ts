import { createHash } from 'node:crypto';
import { asSha256, type Sha256 } from './brand.ts';

/** SHA-256 of bytes, or of the UTF-8 form of a string. */
export function sha256(data: Uint8Array | string): Sha256 {
  return asSha256(createHash('sha256').update(data).digest('hex'));
}
