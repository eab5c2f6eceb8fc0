import type { z } from 'zod';
import { ClawError } from '../base/error.ts';

/** A request's parameters or body in the shape that the protocol gives it. Throws `InvalidInput`. */
export function readBody<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join('.') || 'body';
  throw new ClawError('InvalidInput', `${place}: ${issue?.message ?? 'unexpected form'}`);
}
