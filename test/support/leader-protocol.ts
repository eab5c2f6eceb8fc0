import { z } from 'zod';
import { zKubeObject } from '../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../operator/kube/objects/resource.ts';

/**
 * Where a leader stops itself (SIGSTOP) in its next write. `after-check` is the window that the
 * fence cannot close: it has let the write pass, and the bytes have not left the process.
 */
export const zStopPoint = z.enum(['before-call', 'before-send', 'after-check']);
export type StopPoint = z.infer<typeof zStopPoint>;

/** What a leader process is started with, as JSON in its first argument. */
export const zLeaderConfig = z.object({
  kubeconfig: z.string(),
  /** Lease and log are there. */
  namespace: z.string(),
  identity: z.string(),
  /** Pause between two writes. */
  tickMs: z.number(),
  leaseDurationMs: z.number(),
  renewDeadlineMs: z.number(),
  retryPeriodMs: z.number(),
  /** Writes go through fencedTransport. */
  fenced: z.boolean(),
  /** Entries have names that everybody counts on, so that a late one finds its name taken. */
  locked: z.boolean(),
});
export type LeaderConfig = z.infer<typeof zLeaderConfig>;

/** What a leader process says, one JSON line each. */
export const zLeaderEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('candidate') }),
  z.object({ type: z.literal('leading') }),
  z.object({ type: z.literal('written'), entry: z.string() }),
  z.object({ type: z.literal('refused'), code: z.string() }),
  z.object({ type: z.literal('ended'), code: z.string().optional() }),
]);
export type LeaderEvent = z.infer<typeof zLeaderEvent>;

export const LEASE_NAME = 'leader';
export const LOG_LABELS = { log: 'leaders' };

/** One write of a leader: which process, its how many-th, and a version of the lease that it held. */
export const logEntries = defineResource({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  schema: zKubeObject.extend({
    data: z.object({
      writer: z.string(),
      counter: z.string(),
      leaseVersion: z.string(),
      /** Milliseconds since the epoch. */
      at: z.string(),
    }),
  }),
});
export type LogEntry = ReturnType<typeof logEntries.parse>;
