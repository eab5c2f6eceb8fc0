import { z } from 'zod';

/** One attempt of a peer to reach an address. */
export const zProbe = z.object({
  id: z.number(),
  protocol: z.enum(['tcp', 'udp']),
  address: z.string(),
  port: z.number(),
});
export type Probe = z.infer<typeof zProbe>;

/**
 * How it went: the address that the other side saw, or `refused` (nobody listens), `forbidden` (a
 * filter said so) or `silent` (no answer within the time).
 */
export const zProbeEnd = z.object({ id: z.number(), outcome: z.string() });

/** An answer within the host takes milliseconds; the rest is for a busy host. */
export const SILENT_MS = 1500;
