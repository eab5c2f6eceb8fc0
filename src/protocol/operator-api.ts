import { z } from 'zod';
import { zSha256 } from './fields.ts';
import { zModelHold } from './model-hold.ts';
import { zPodEvidence } from './pod-evidence.ts';

/**
 * What the controllers say to the server and hear from it (design: docs/design/cluster.md 4): the
 * only way by which the operator reads and writes the store. All requests are idempotent. Errors are
 * `{code, message, retryable}` with codes of docs/reference/errors.md.
 */

/** Where tasks come from, as far as the operator has resolved it: the server reads no objects. */
export const zTaskSourceBody = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('digest'), digest: zSha256 }),
  /** Specs of ClawTask objects in order of name. */
  z.object({
    kind: z.literal('tasks'),
    tasks: z.array(z.object({ name: z.string(), task: z.unknown() })),
  }),
  /** A value of a ConfigMap: a task set or tasks as JSON lines. */
  z.object({ kind: z.literal('text'), name: z.string(), text: z.string() }),
  z.object({ kind: z.literal('url'), url: z.string(), digest: zSha256 }),
]);
export type TaskSourceBody = z.infer<typeof zTaskSourceBody>;

/** PUT batches/:uid. The same uid again answers the stored plan; another spec is `Conflict`. */
export const zPlanBatchBody = z.object({
  namespace: z.string(),
  name: z.string(),
  /** The object that owns the batch, for people: the batch itself, a BenchRun's arm, a gate. */
  owner: z.object({ kind: z.string(), name: z.string(), arm: z.string() }),
  /** RolloutBatch.spec as stored; the server parses it with the schema of the kind. */
  spec: z.unknown(),
  source: zTaskSourceBody,
});
export type PlanBatchBody = z.infer<typeof zPlanBatchBody>;

/** One pod template: rollouts of a Job share it. */
export const zShape = z.object({
  /** Short digest of the rest: part of Job names. */
  id: z.string(),
  phase: z.enum(['rollout', 'verify']),
  /** Which of the installation's images; or a task's own image. */
  image: z.union([z.enum(['pi', 'openclaw', 'runner']), z.object({ reference: z.string() })]),
  /** Mount path of the workspace in the untrusted container. */
  workspacePath: z.string(),
  cpuMillis: z.number().int(),
  memoryMiB: z.number().int(),
  diskMiB: z.number().int(),
  /** Longest deadline of its agents or verifiers, for activeDeadlineSeconds. */
  deadlineSeconds: z.number().int(),
  /** Longest archive of a snapshot: bounds its upload, its volume and the time that it may take. */
  snapshotMiB: z.number().int(),
  gatewayLossSeconds: z.number().int(),
  /** Verifier dialect's extra read-only mounts of the verifier's files: `/tests`, `<workspace>/reward`. */
  verifierMounts: z.array(z.string()),
  /** Extra writable folders of the untrusted container: `/logs/verifier`. */
  writableMounts: z.array(z.string()),
});
export type Shape = z.infer<typeof zShape>;

export const zJobState = z.object({
  name: z.string(),
  uid: z.string().optional(),
  phase: z.enum(['rollout', 'verify']),
  generation: z.number().int(),
  shape: zShape,
  /** Number of rows = completions. */
  length: z.number().int(),
  /** Rows that need nothing more from this Job. */
  settled: z.number().int(),
  /** False once the operator has said that the Job is over. */
  live: z.boolean(),
});
export type JobState = z.infer<typeof zJobState>;

const zOutcomes = z.record(z.string(), z.number().int());

/** GET batches/:uid and the answer of the PUT. Everything a RolloutBatch's status shows. */
export const zBatchState = z.object({
  uid: z.string(),
  taskSet: zSha256,
  /** The model of ours that its agents are answered by, as it was frozen. */
  model: zSha256.optional(),
  /** Digest that the source has now where it differs: of the task set, or of the bytes behind a URL. */
  sourceNow: zSha256.optional(),
  /** Why the source gives nothing now, as far as the server itself reads it: a URL. */
  sourceGone: z.string().optional(),
  planned: z.number().int(),
  notGradable: z.number().int(),
  /** The same by reason: `NeedsImage`, `NeedsJudge` … */
  notGradableReasons: z.record(z.string(), z.number().int()).optional(),
  pending: z.number().int(),
  active: z.number().int(),
  verifying: z.number().int(),
  decided: z.number().int(),
  outcomes: zOutcomes,
  /** Decimal string; absent before the first decision. */
  missingRate: z.string().optional(),
  decidedIndexes: z.string(),
  failedIndexes: z.string(),
  attempts: z.number().int(),
  infraFailures: z.number().int(),
  disruptions: z.number().int(),
  /** Largest generation used by each phase, 0 for none. */
  generations: z.object({ rollout: z.number().int(), verify: z.number().int() }),
  jobs: z.array(zJobState),
  /** Work that no live Job carries, by shape, in plan order. */
  waiting: z.array(z.object({ shape: zShape, count: z.number().int() })),
  /**
   * Present where this release holds another harness than the plan's: no attempt is opened, and rollouts
   * do not show among `waiting`. Each names harness, version and configuration.
   */
  agentChanged: z.object({ frozen: z.string(), now: z.string() }).optional(),
  /** Present while the model's endpoint has not answered a first question: rollouts do not show among `waiting`. */
  modelHold: zModelHold.optional(),
  results: zSha256.optional(),
  /** Made with the results; `digest` is that of the manifest. */
  exports: z
    .array(
      z.object({
        name: z.string(),
        digest: zSha256,
        rollouts: z.number().int(),
        rows: z.number().int(),
      }),
    )
    .optional(),
  startedAt: z.number().optional(),
  decidedAt: z.number().optional(),
});
export type BatchState = z.infer<typeof zBatchState>;

/**
 * POST batches/:uid/jobs: takes up to `max` waiting rows of a shape for a new Job, in plan order. A
 * name that is known answers what was stored under it: so a crash before the Job's POST loses nothing.
 */
export const zNewJobBody = z.object({
  name: z.string(),
  shapeId: z.string(),
  generation: z.number().int(),
  max: z.number().int().min(1).max(1000),
});

/** PUT batches/:uid/jobs/:name/uid: the Job was created; pods of other Jobs get no claim. */
export const zJobUidBody = z.object({ uid: z.string() });

/** POST batches/:uid/jobs/:name/over: its pods are all ended or gone; unsettled rows wait again. */
export const zJobOverBody = z.object({
  cause: z.enum(['finished', 'paused', 'replaced', 'deadline', 'lost']),
});

/** POST batches/:uid/evidence: ended or vanished pods. Answers the uids that may be deleted now. */
export const zEvidenceBody = z.object({ pods: z.array(zPodEvidence).max(500) });
export const zEvidenceAnswer = z.object({ stored: z.array(z.string()) });

/** GET batches: those with an undecided rollout, whether their objects live or not. */
export const zOpenBatches = z.object({
  batches: z.array(z.object({ uid: z.string(), namespace: z.string(), name: z.string() })),
});
export type OpenBatch = z.infer<typeof zOpenBatches>['batches'][number];

/**
 * POST batches/:uid/cancel: every undecided rollout is decided `cancelled` with this reason. With
 * `BATCH_DELETED` its Jobs are over too: nobody will come to say so.
 */
export const zCancelBody = z.object({ reason: z.string() });

/** Reason of the cancellation of a batch whose object is gone. */
export const BATCH_DELETED = 'Deleted';

/** POST batches/:uid/finish: stores the results artifact; `Conflict` while a rollout is undecided. */
export const zFinishAnswer = z.object({ results: zSha256 });

/** PUT benches/:uid/results: statistics over the batches of the arms. Partial before the end. */
export const zBenchResultsBody = z.object({
  namespace: z.string(),
  name: z.string(),
  spec: z.unknown(),
  arms: z.array(z.object({ name: z.string(), batchUid: z.string() })),
  createdAt: z.number(),
});
export type BenchResultsBody = z.infer<typeof zBenchResultsBody>;

export const zArmSummary = z.object({
  name: z.string(),
  planned: z.number().int(),
  decided: z.number().int(),
  /** Decimal strings, four digits after the point. */
  score: z.string().optional(),
  scoreLow: z.string().optional(),
  scoreHigh: z.string().optional(),
  coverage: z.string().optional(),
  missingRate: z.string().optional(),
  outcomes: zOutcomes,
  tokens: z.number().int(),
  seconds: z.number().int(),
});

export const zBenchResultsAnswer = z.object({
  /** Present once every rollout of every arm is decided. */
  results: zSha256.optional(),
  arms: z.array(zArmSummary),
});
export type BenchResultsAnswer = z.infer<typeof zBenchResultsAnswer>;

/** PUT imports/:podUid: this pod may hand in one task set. Kept in memory: told again while it runs. */
export const zExpectImportBody = z.object({ namespace: z.string(), batchUid: z.string() });
export type ExpectImportBody = z.infer<typeof zExpectImportBody>;

/** PUT task-sets: checks and stores tasks; the static gate's findings of each. */
export const zTaskSetBody = z.object({ source: zTaskSourceBody });
export const zTaskSetAnswer = z.object({
  digest: zSha256,
  tasks: z.array(
    z.object({
      id: z.string(),
      digest: zSha256,
      agentCode: z.enum(['none', 'child', 'in-process', 'unknown']),
      hasSolution: z.boolean(),
      hasVerifier: z.boolean(),
      problems: z.array(z.string()),
    }),
  ),
});
export type TaskSetAnswer = z.infer<typeof zTaskSetAnswer>;

/** GET batches/:uid/rollouts: one line a rollout, in plan order, for gate verdicts. */
export const zRolloutLines = z.array(
  z.object({
    taskId: z.string(),
    sample: z.number().int(),
    outcome: z.string().optional(),
    reason: z.string(),
    flat: z.number().nullable(),
    native: z.number().nullable(),
    final: z.number().nullable(),
    /** Digest over names and values of the checks: equal for identical verdicts. */
    checks: zSha256,
    allZero: z.boolean(),
    findings: z.array(z.string()),
  }),
);
export type RolloutLines = z.infer<typeof zRolloutLines>;

/** Objects that one PUT of living ones names. */
export const MAX_LIVING = 200_000;

/**
 * PUT living: what the objects of the cluster name, from whole lists. Records that nothing names any more
 * end after the days of retention.
 */
export const zLivingBody = z.object({
  /** Namespaces of which everything was seen; absent: all. */
  namespaces: z.array(z.string()).max(MAX_LIVING).optional(),
  /**
   * Served namespaces that refuse their list: what their objects name is not all among the digests, so no
   * artifact ends by this word.
   */
  unlisted: z.array(z.string()).max(MAX_LIVING).optional(),
  /** Uids of RolloutBatches. */
  batches: z.array(z.string()).max(MAX_LIVING),
  /** RolloutBatches that another object's status names, whether they still exist or not. */
  named: z.array(z.object({ namespace: z.string(), name: z.string() })).max(MAX_LIVING),
  /** Uids of SynthesisJobs; absent: nothing is said of them. */
  synthesis: z.array(z.string()).max(MAX_LIVING).optional(),
  /** Uids of TrainingRuns; absent: nothing is said of them. */
  trainings: z.array(z.string()).max(MAX_LIVING).optional(),
  /** Artifacts that specs and statuses name. */
  digests: z.array(zSha256).max(MAX_LIVING),
});
export type LivingBody = z.infer<typeof zLivingBody>;

/**
 * Part of GET info that keeps its place and form in every version of the protocol: who cannot agree on a
 * version learns that from it.
 */
export const zServerSpeaker = z.looseObject({
  protocol: z.array(z.number().int()),
  version: z.string(),
});

/** GET info: protocol versions, and what pods need to find and trust the sandbox listener. */
export const zServerInfo = z.object({
  protocol: z.array(z.number().int()),
  version: z.string(),
  /** PEM, old and new together while one replaces the other; the one that signs now comes first. */
  caBundle: z.string(),
  caDigest: zSha256,
  /** Store is at least 95 % full: no new Jobs. */
  storeFull: z.boolean(),
  /** Store is at least 85 % full: people are told. */
  storeFilling: z.boolean().default(false),
});
export type ServerInfo = z.infer<typeof zServerInfo>;

export const OPERATOR_PREFIX = '/operator/v1';
