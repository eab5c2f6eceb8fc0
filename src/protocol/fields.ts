import { z } from 'zod';
import { asSha256 } from '../base/brand.ts';

/** A SHA-256 in lower-case hexadecimal. */
export const zSha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in lower-case hexadecimal')
  .transform((text) => asSha256(text));
