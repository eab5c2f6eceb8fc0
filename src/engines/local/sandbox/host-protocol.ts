import { z } from 'zod';
import { ERROR_CODES } from '../../../base/error.ts';
import type { SandboxSpec } from '../../../phases/process-sandbox.ts';
import { FINDING_CODES } from '../../../rollouts/outcome.ts';

/** What the sandbox host is started with; the same as `openSandbox` takes, as plain data. */
export const zHostOptions = z.object({
  root: z.object({ dir: z.string().optional(), identity: z.string() }),
  uid: z.number(),
  bwrap: z.string(),
});
export type HostOptions = z.infer<typeof zHostOptions>;

/** Engine to host. `spec` is the engine's own: it is not parsed again. */
export type HostRequest =
  | { readonly type: 'open'; readonly options: HostOptions }
  | { readonly type: 'run'; readonly id: number; readonly spec: SandboxSpec }
  | { readonly type: 'abort'; readonly id: number };

const zCaptured = z.object({
  bytes: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
  totalBytes: z.number(),
  truncated: z.boolean(),
});

const zExit = z.object({
  exitCode: z.number().nullable(),
  signal: z.string().nullable(),
  timedOut: z.boolean(),
  cancelled: z.boolean(),
  oomKilled: z.boolean(),
  pidsRefused: z.boolean().optional(),
  peakMemoryMiB: z.number().optional(),
  cpuSeconds: z.number().optional(),
  seconds: z.number(),
  stdout: zCaptured,
  stderr: zCaptured,
});

const errorCodes = Object.keys(ERROR_CODES);

/** Host to engine. */
export const zHostReply = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('opened'),
    owner: z.object({ uid: z.number(), gid: z.number() }).optional(),
    findings: z.array(z.object({ code: z.enum(FINDING_CODES), message: z.string() })),
  }),
  z.object({ type: z.literal('ended'), id: z.number(), exit: zExit }),
  z.object({
    type: z.literal('failed'),
    /** Absent: the host itself could not open. */
    id: z.number().optional(),
    code: z.string().refine((code) => errorCodes.includes(code)),
    message: z.string(),
    retryable: z.boolean(),
  }),
  z.object({
    type: z.literal('log'),
    level: z.enum(['info', 'warn', 'error']),
    fields: z.record(z.string(), z.unknown()),
    message: z.string(),
  }),
]);
export type HostReply = z.infer<typeof zHostReply>;
