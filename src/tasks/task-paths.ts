import { z } from 'zod';

/** A letter or digit, then letters, digits, dot, underscore, dash: safe in paths, URLs and labels. */
export const TASK_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export const MAX_PATH_BYTES = 1024;
export const MAX_NAME_BYTES = 255;

/**
 * Why a path is not a safe relative path, or undefined where it is one. Safe: UTF-8, `/`-separated,
 * relative, no empty, `.` or `..` segment, no NUL or control character, no backslash, names of at
 * most 255 bytes, 1,024 bytes in all.
 */
export function unsafePathReason(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (!path.isWellFormed()) return 'is not well-formed Unicode';
  if (path.startsWith('/')) return 'is absolute';
  if (path.includes('\\')) return 'has a backslash';
  if (/\p{Cc}/u.test(path)) return 'has a control character';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  for (const name of path.split('/')) {
    if (name === '') return 'has an empty segment';
    if (name === '.' || name === '..') return `has the segment ${JSON.stringify(name)}`;
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
      return `has a name longer than ${MAX_NAME_BYTES} bytes`;
    }
  }
  return undefined;
}

export const zSafePath = z.string().superRefine((path, context) => {
  const reason = unsafePathReason(path);
  if (reason !== undefined) {
    context.addIssue({ code: 'custom', message: `path ${JSON.stringify(path)} ${reason}` });
  }
});
