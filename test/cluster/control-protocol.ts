import { z } from 'zod';

/** What a supervisor can be asked on its socket: one line of JSON, answered by one line. */
export const zControlRequest = z.discriminatedUnion('op', [
  z.object({ op: z.literal('programs') }),
  z.object({ op: z.literal('stop-program'), name: z.string() }),
  /** Starts a program that has ended, with the command line it had. */
  z.object({ op: z.literal('start-program'), name: z.string() }),
  z.object({
    op: z.literal('signal-program'),
    name: z.string(),
    signal: z.enum(['SIGTERM', 'SIGKILL', 'SIGSTOP', 'SIGCONT']),
  }),
  /** Ends the cluster; answered once nothing of it is left. */
  z.object({ op: z.literal('end') }),
]);
export type ControlRequest = Readonly<z.infer<typeof zControlRequest>>;

export const zProgramStatus = z.object({
  name: z.string(),
  pid: z.number(),
  running: z.boolean(),
  logPath: z.string(),
});

export const zControlAnswer = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), programs: z.array(zProgramStatus) }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);
export type ControlAnswer = Readonly<z.infer<typeof zControlAnswer>>;

/** What the supervisor tells the process that started it. */
export const zSupervisorMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), text: z.string() }),
  z.object({ kind: z.literal('ready'), stateFolder: z.string() }),
  z.object({ kind: z.literal('failed'), code: z.string(), message: z.string() }),
]);
export type SupervisorMessage = Readonly<z.infer<typeof zSupervisorMessage>>;

/** What the process that started it tells the supervisor. */
export const zOwnerMessage = z.object({
  /** `keep`: go on without an owner. */
  kind: z.literal('keep'),
});
