/**
 * Names that the pods, the programs in them, the server and the controllers share
 * (design: docs/design/cluster.md). A pod that was made by one release runs the programs of its own
 * image, so a change here is a change of the protocol.
 */

/** Token audiences, one a kind of pod (design: rollouts.md 2). */
export const AUDIENCES = {
  rollout: 'clawgym/rollout',
  verify: 'clawgym/verify',
  import: 'clawgym/import',
  policy: 'clawgym/policy',
  training: 'clawgym/training',
  synthesis: 'clawgym/synthesis',
  operator: 'clawgym/operator',
  /** Of people's tokens that are made for reading records alone. */
  query: 'clawgym/query',
} as const;

/** Trusted containers; each makes its own claim with its own token. */
export const ROLES = ['stage', 'companion', 'fetch', 'report'] as const;
export type Role = (typeof ROLES)[number];

export const ROLE_AUDIENCE: Readonly<Record<Role, string>> = {
  stage: AUDIENCES.rollout,
  companion: AUDIENCES.rollout,
  fetch: AUDIENCES.verify,
  report: AUDIENCES.verify,
};

/** Service account of sandbox pods: made by the operator in each namespace, bound to nothing. */
export const SANDBOX_SERVICE_ACCOUNT = 'clawgym-sandbox';

/** Name under which pods reach the sandbox listener, by `hostAliases`; in its certificate. */
export const SERVER_HOST = 'clawgym-server.sandbox.internal';
export const SANDBOX_PORT = 8443;

export const LABELS = {
  /** "true" on every pod that runs or grades an agent: what the network policies select. */
  sandbox: 'clawgym.io/sandbox',
  /** Uid of the RolloutBatch, on its Jobs and their pods. */
  batch: 'clawgym.io/batch-uid',
  /** `rollout` or `verify`, on Jobs and pods. */
  phase: 'clawgym.io/phase',
  /** Generation of the Job, from 1. */
  generation: 'clawgym.io/generation',
  /** "true" on pods that serve a model of ours: the server alone may call them. */
  policy: 'clawgym.io/policy',
  /** Uid of the TrainingRun, on its Jobs and their pods. */
  training: 'clawgym.io/training-uid',
  /** Uid of the SynthesisJob, on the Job of its worker and its pods. */
  synthesis: 'clawgym.io/synthesis-uid',
} as const;

/** On pods of Indexed Jobs, by the Job controller. */
export const INDEX_ANNOTATION = 'batch.kubernetes.io/job-completion-index';

/** Environment of the trusted containers. */
export const ENV = {
  serverUrl: 'CLAWGYM_SERVER_URL',
  /** PEM certificates that the server's certificate chains to. */
  serverCa: 'CLAWGYM_SERVER_CA',
  /** The token itself; absent: `TRUSTED.token`/token. */
  tokenFile: 'CLAWGYM_TOKEN_FILE',
  /** terminationGracePeriodSeconds of the pod; absent: 30. What a sidecar does at its end is bounded by it. */
  graceSeconds: 'CLAWGYM_GRACE_SECONDS',
} as const;

/** Exit codes of `stage` and `fetch` that a Job's failure policy knows (design: rollouts.md 4). */
export const EXIT = {
  /** Nothing to do for this index any more: FailIndex. */
  decided: 42,
  /** The attempt before is not classed yet, or the server is away: Ignore, the pod is replaced. */
  wait: 43,
  /** SIGTERM: never 0, or an evicted pod could count as succeeded. */
  terminated: 143,
} as const;

/** Where volumes are mounted in trusted containers. */
export const TRUSTED = {
  token: '/var/run/clawgym/token',
  workspace: '/clawgym/workspace',
  agent: '/clawgym/agent',
  report: '/clawgym/report',
  verifier: '/clawgym/verifier',
  verdict: '/clawgym/verdict',
  /** Own scratch of the container; `READY_FILE` appears in it. */
  state: '/clawgym/state',
} as const;

/** Where volumes are mounted in the container that reads tasks from a volume of the namespace. */
export const IMPORT_MOUNTS = {
  token: TRUSTED.token,
  /** The volume, read-only. */
  source: '/clawgym/source',
  state: TRUSTED.state,
} as const;

/** Port of a policy pod's server. */
export const POLICY_PORT = 8000;

/** Where volumes are mounted in the containers of a policy pod. */
export const POLICY_MOUNTS = {
  token: TRUSTED.token,
  /** One folder a version, `v-<number>`; the policy server reads it. */
  models: '/clawgym/models',
  /** `key`: the bearer that the policy server wants. */
  key: '/clawgym/key',
  state: TRUSTED.state,
} as const;

/** Environment of a policy server's container; a command may name them as `$(NAME)`. */
export const POLICY_ENV = {
  model: 'POLICY_MODEL',
  template: 'POLICY_TEMPLATE',
  name: 'POLICY_NAME',
  version: 'POLICY_VERSION',
  host: 'POLICY_HOST',
  port: 'POLICY_PORT',
  keyFile: 'POLICY_KEY_FILE',
} as const;

/** Where the volumes of a training pod are mounted, in all of its containers. */
export const TRAINING_MOUNTS = {
  /** Trusted containers alone. */
  token: TRUSTED.token,
  /** RUN_IN; the trainer reads it. */
  in: '/run/training/in',
  /** RUN_OUT. */
  out: '/run/training/out',
  /** Holds `run-spec.json`, which RUN_SPEC names; the trainer reads it. */
  spec: '/run/training/spec',
  state: TRUSTED.state,
} as const;
/** In `TRAINING_MOUNTS.spec`. */
export const RUN_SPEC_FILE = 'run-spec.json';
/** Where `report` takes the trainer's status (the protocol of Kubeflow Trainer), on 127.0.0.1. */
export const TRAINING_STATUS_PORT = 8790;

/** Exists in `TRUSTED.state` once the companion serves the model link: its startup probe. */
export const READY_FILE = 'ready';
/** In the report or verdict volume; the first process reads and deletes it before foreign code runs. */
export const SPEC_FILE = 'spec.json';

/** Programs in every image of ours. */
export const IMAGE_PATHS = {
  node: '/opt/clawgym/bin/node',
  /** `node phase.cjs stage|companion|fetch|report`. */
  phase: '/opt/clawgym/phase/phase.cjs',
  /** `node import.cjs PATH`: reads tasks from a volume. */
  import: '/opt/clawgym/phase/import.cjs',
  /** `node policy.cjs fetch|serve`: the model of a policy pod. */
  policy: '/opt/clawgym/phase/policy.cjs',
  /** `node training.cjs fetch|report`: beside a trainer. */
  training: '/opt/clawgym/phase/training.cjs',
  /** `node synthesis.mjs`: takes the records of a SynthesisJob through their stages. */
  synthesis: '/opt/clawgym/phase/synthesis.mjs',
  /** Folder with `__main__.py`: the agent's wrapper. */
  agentInit: '/opt/clawgym/agent_init',
  /** Folder of the grader. */
  grader: '/program',
  /** Identity of the image's tools and packages, one line. */
  rootDigest: '/opt/clawgym/root-digest',
} as const;

/** Gateway path on the sandbox listener; the companion's link forwards to it. */
export const GATEWAY_PREFIX = '/gateway';
