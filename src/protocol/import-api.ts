import { z } from 'zod';
import { zSha256 } from './fields.ts';

/**
 * What a pod that reads tasks from a volume says to the server's sandbox listener and hears from it
 * (design: docs/design/cluster.md 9). Both calls are made with the pod's own token, audience
 * `AUDIENCES.import`; both may be repeated.
 */
export const IMPORT_ROUTES = {
  /** POST: 200 with `zImportClaim`, 409 with `zNoClaim`, 401, 403. */
  claim: '/imports/v1/claim',
  /** PUT, raw body, a task-set file: 200 with `zImported`. One task set a pod; another is refused. */
  taskSet: '/imports/v1/task-set',
} as const;

/** Largest task-set file that a pod may hand in. Larger ones come by URL. */
export const MAX_IMPORT_MIB = 512;

export const zImportClaim = z.object({ maxBytes: z.number().int() });
export type ImportClaim = z.infer<typeof zImportClaim>;

export const zImported = z.object({ digest: zSha256, tasks: z.number().int() });
export type Imported = z.infer<typeof zImported>;

/** Why there is no task set. `code` as in docs/reference/errors.md; the message is for a person. */
const zImportProblem = z.object({ code: z.string(), message: z.string() });

/** What the container leaves as its termination message: the operator reads it from the pod. */
export const zImportEnd = z.union([zImported, z.object({ problem: zImportProblem })]);
export type ImportEnd = z.infer<typeof zImportEnd>;
