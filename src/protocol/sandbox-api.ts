import { z } from 'zod';
import { REPORTED_ENDS } from '../rollouts/outcome.ts';
import { zSha256 } from './fields.ts';

/**
 * What the trusted containers of sandbox pods say to the server's sandbox listener and hear from it
 * (design: docs/design/cluster.md 3). Claims are made with the pod's token; everything else with the
 * credential that the claim gave. All requests are idempotent.
 */

/** Bytes by digest, or in the answer itself where they are few. */
export const zContent = z.union([
  z.object({ digest: zSha256 }),
  /** Base64, at most `INLINE_BYTES` decoded. */
  z.object({ inline: z.string() }),
]);
export type Content = z.infer<typeof zContent>;
export const INLINE_BYTES = 16 * 1024;

const zFile = z.object({ path: z.string(), content: zContent, executable: z.boolean() });

/** agents/agent.ts WorkspaceChange with its content by reference. */
const zChange = z.discriminatedUnion('op', [
  z.object({ op: z.literal('write') }).extend(zFile.shape),
  z.object({ op: z.literal('mkdir'), path: z.string() }),
  z.object({ op: z.literal('delete'), path: z.string() }),
  z.object({ op: z.literal('symlink'), path: z.string(), target: z.string() }),
]);

const credential = {
  attempt: z.string(),
  /** Bearer of every later request of this container. A repeated claim kills the older one. */
  credential: z.string(),
};

export const zSnapshotCaps = z.object({
  totalBytes: z.number(),
  entries: z.number(),
  nameBytes: z.number(),
  pathBytes: z.number(),
});

export const zStageClaim = z.object({
  ...credential,
  /** Input files of the task, relative to the workspace. */
  inputs: z.array(zFile),
  /** Made by `stage` after the inputs, in order: agents that are no program (nop, lazy, solution). */
  changes: z.array(zChange),
  /** Files below the agent's configuration folder. */
  agentFiles: z.array(z.object({ path: z.string(), content: zContent })),
  /** What the wrapper reads from `SPEC_FILE` in the report volume (phases/agent-spec.ts). */
  wrapperSpec: z.record(z.string(), z.unknown()),
});
export type StageClaim = z.infer<typeof zStageClaim>;

export const zCompanionClaim = z.object({
  ...credential,
  /** Nonce that proves the wrapper's report; its file is named by it. */
  reportNonce: z.string(),
  /** Bearer of the attempt's model calls; absent: the agent has no model and no link is served. */
  linkBearer: z.string().optional(),
  gatewayLossSeconds: z.number(),
  caps: zSnapshotCaps,
});
export type CompanionClaim = z.infer<typeof zCompanionClaim>;

export const zFetchClaim = z.object({
  ...credential,
  kind: z.enum(['main', 'asLeft', 'doubled', 'pristine', 'gate']),
  /** The task as canonical JSON, without what only the agent's side needs. */
  task: z.unknown(),
  /** Absent: the task's inputs alone (pristine and gate runs). */
  snapshot: zSha256.optional(),
  /** Changes of a gate run (lazy, solution), made after the inputs. */
  changes: z.array(zChange),
  caps: zSnapshotCaps,
  /** What the grader reads from `SPEC_FILE` in the verdict volume (phases/grade.ts gradeSpec). */
  graderSpec: z.record(z.string(), z.unknown()),
});
export type FetchClaim = z.infer<typeof zFetchClaim>;

export const zReportClaim = z.object({
  ...credential,
  kind: zFetchClaim.shape.kind,
  verdictNonce: z.string(),
});
export type ReportClaim = z.infer<typeof zReportClaim>;

/** Answer of a claim that gives nothing: the pod's first container ends with the exit code named. */
export const zNoClaim = z.object({
  /** `decided`: end with EXIT.decided. `wait`: ask again after so many seconds, then EXIT.wait. */
  decision: z.enum(['decided', 'wait']),
  reason: z.string(),
  retryAfterSeconds: z.number().optional(),
});
export type NoClaim = z.infer<typeof zNoClaim>;

export const zFindingBody = z.object({ code: z.string(), message: z.string() });

/** POST /rollouts/v1/end, by the companion: how the agent ended and what is left of its work. */
export const zAttemptEndBody = z.object({
  /** Absent: the wrapper left no valid report. The server then uses the pod's own evidence. */
  agent: z
    .object({
      exitCode: z.number().int().nullable(),
      signal: z.string().nullable(),
      reason: z.enum(REPORTED_ENDS),
      seconds: z.number().nonnegative(),
      detail: z.string(),
    })
    .optional(),
  snapshot: zSha256.optional(),
  refused: z.string().optional(),
  stdout: zSha256.optional(),
  stderr: zSha256.optional(),
  findings: z.array(zFindingBody),
  /** The link lost its gateway for longer than `gatewayLossSeconds`. */
  linkLost: z.string().optional(),
});
export type AttemptEndBody = z.infer<typeof zAttemptEndBody>;

/** POST /rollouts/v1/verdict, by `report`. */
export const zVerdictBody = z.object({
  /** Text of the verdict file; absent where there is none, with why. The server parses it. */
  text: z.string().optional(),
  problem: z.string().optional(),
});
export type VerdictBody = z.infer<typeof zVerdictBody>;

/** POST /rollouts/v1/fetched, by `fetch`, which runs in the image that grades. */
export const zFetchedBody = z.object({
  /** What was put right before grading. */
  findings: z.array(zFindingBody),
  /** Identity of the image's tools, as the local engine names its runner root; absent: not known. */
  graderRoot: zSha256.optional(),
});
export type FetchedBody = z.infer<typeof zFetchedBody>;

/** PUT /rollouts/v1/artifacts (raw body, companion only): the digest of what was stored. */
export const zStoredBody = z.object({ digest: zSha256, size: z.number() });

export const SANDBOX_ROUTES = {
  /** POST, bearer = pod token. 200 with the role's claim, 409 with `zNoClaim`, 401, 403. */
  claim: '/rollouts/v1/claims/:role',
  /** GET, bearer = credential; only what the claim names, else 403. */
  artifact: '/rollouts/v1/artifacts/:digest',
  put: '/rollouts/v1/artifacts',
  end: '/rollouts/v1/end',
  fetched: '/rollouts/v1/fetched',
  verdict: '/rollouts/v1/verdict',
} as const;
