import { artifactDigest } from '../../../src/api/model-ref.ts';
import { asSha256, type Sha256 } from '../../../src/base/brand.ts';
import { sha256 } from '../../../src/base/digest.ts';
import { ClawError } from '../../../src/base/error.ts';
import type {
  ClawGymServer,
  JobOverCause,
  NewJobBody,
} from '../../../src/protocol/claw-gym-server.ts';
import type { ModelHold } from '../../../src/protocol/model-hold.ts';
import type {
  BatchState,
  JobState,
  LivingBody,
  PlanBatchBody,
  ServerInfo,
  Shape,
} from '../../../src/protocol/operator-api.ts';
import type { PodEvidence } from '../../../src/protocol/pod-evidence.ts';
import type { PolicyPodBody, PolicyPodState } from '../../../src/protocol/policy-api.ts';
import { shape } from '../batch-cases.ts';
import { rowsOf, soundTaskSet } from '../scripted-server.ts';
import { MemorySynthesis } from '../synthesis/memory-synthesis.ts';
import { MemoryTraining } from '../training/memory-training.ts';

const ROLLOUT = shape('r1');
const VERIFY = shape('v1', 'verify');
const EARNED = new Map([
  ['lazy', 0.2],
  ['solution', 1],
]);

interface Row {
  outcome: string | undefined;
  /** Workspace kept, verdict awaited. */
  verifying: boolean;
  attempts: number;
}

interface StoredJob {
  readonly name: string;
  readonly shape: Shape;
  readonly generation: number;
  readonly rows: readonly number[];
  readonly settled: Set<number>;
  uid: string | undefined;
  live: boolean;
  cause: JobOverCause | undefined;
}

interface StoredBatch {
  readonly body: PlanBatchBody;
  readonly rows: readonly Row[];
  readonly jobs: StoredJob[];
  readonly pods: Map<string, { readonly row: number; open: boolean; evidence?: PodEvidence }>;
  startedAt: number | undefined;
  results: Sha256 | undefined;
  cancelled: string | undefined;
}

/**
 * What the controller of batches needs of a server, in memory and by the rules of the design: for faults
 * and crashes, which need a server that any number of operators can be set on. Rows are counted as the
 * real one counts them; nothing is graded. `fail` decides which calls get no answer.
 */
export class MemoryServer extends MemoryTraining implements ClawGymServer {
  readonly calls: string[] = [];
  /** Told each call; throws for those that fail. */
  fail: (call: string) => void = () => undefined;
  storeFull = false;
  /** Why the model of a batch is not to be had: its rollouts do not wait for places then. */
  modelHold: (body: PlanBatchBody) => ModelHold | undefined = () => undefined;
  readonly expectedImports = new Set<string>();
  readonly synthesis = new MemorySynthesis();
  readonly livingTold: LivingBody[] = [];
  /** Policy pods that were told of, and what each of them hears. */
  readonly policyPods = new Map<string, PolicyPodBody>();
  policyState: PolicyPodState = { phase: 'unheard', message: '' };
  readonly #batches = new Map<string, StoredBatch>();
  readonly #evidence: PodEvidence[] = [];

  get evidenceTold(): readonly PodEvidence[] {
    return this.#evidence;
  }

  info: ClawGymServer['info'] = async () => {
    this.#call('info');
    const caBundle = 'PEM';
    const info: ServerInfo = {
      ...{ protocol: [1], version: 'test', caBundle },
      ...{ storeFull: this.storeFull, storeFilling: false },
      caDigest: sha256(caBundle),
    };
    return info;
  };

  living: ClawGymServer['living'] = async (body) => {
    this.#call('living');
    this.livingTold.push(body);
  };

  planBatch: ClawGymServer['planBatch'] = async (uid, body) => {
    this.#call('plan');
    if (!this.#batches.has(uid)) {
      const { samples } = body.spec as { samples: number };
      const tasks = body.source.kind === 'tasks' ? body.source.tasks.length : 1;
      const rows = Array.from({ length: tasks * samples }, (): Row => {
        return { outcome: undefined, verifying: false, attempts: 0 };
      });
      const empty = { startedAt: undefined, results: undefined, cancelled: undefined };
      this.#batches.set(uid, { body, rows, jobs: [], pods: new Map(), ...empty });
    }
    return this.#state(uid);
  };

  batch: ClawGymServer['batch'] = async (uid) => {
    this.#call('state');
    return this.#batches.has(uid) ? this.#state(uid) : undefined;
  };

  openBatches: ClawGymServer['openBatches'] = async () => {
    this.#call('open-batches');
    return [...this.#batches].flatMap(([uid, { body, rows }]) => {
      const { namespace, name } = body;
      return rows.some(({ outcome }) => outcome === undefined) ? [{ uid, namespace, name }] : [];
    });
  };

  newJob: ClawGymServer['newJob'] = async (uid, body: NewJobBody) => {
    this.#call('new-job');
    const batch = this.#batch(uid);
    const known = batch.jobs.find(({ name }) => name === body.name);
    if (known !== undefined) return jobState(known);
    const shapeOf = body.shapeId === VERIFY.id ? VERIFY : ROLLOUT;
    const rows = this.#waiting(batch, shapeOf.phase).slice(0, body.max);
    if (rows.length === 0) throw new ClawError('Conflict', `nothing waits for ${body.name}`);
    const job: StoredJob = {
      ...{ name: body.name, shape: shapeOf, generation: body.generation, rows },
      ...{ settled: new Set(), uid: undefined, live: true, cause: undefined },
    };
    batch.jobs.push(job);
    return jobState(job);
  };

  jobCreated: ClawGymServer['jobCreated'] = async (uid, name, jobUid) => {
    this.#call('job-created');
    const job = this.#job(uid, name);
    if (job.uid !== undefined && job.uid !== jobUid)
      throw new ClawError('Conflict', `Job ${name} has uid ${job.uid}, got ${jobUid}`);
    job.uid = jobUid;
  };

  jobOver: ClawGymServer['jobOver'] = async (uid, name, cause) => {
    this.#call('job-over');
    const job = this.#job(uid, name);
    job.live = false;
    job.cause ??= cause;
    for (const pod of this.#batch(uid).pods.values())
      if (pod.open && job.rows.includes(pod.row)) pod.open = false;
  };

  evidence: ClawGymServer['evidence'] = async (uid, pods) => {
    this.#call('evidence');
    const batch = this.#batch(uid);
    for (const pod of pods) {
      this.#evidence.push(pod);
      const claim = batch.pods.get(pod.podUid);
      if (claim !== undefined) claim.open = false;
    }
    return pods.map(({ podUid }) => podUid);
  };

  cancel: ClawGymServer['cancel'] = async (uid, reason) => {
    this.#call('cancel');
    const batch = this.#batches.get(uid);
    if (batch === undefined) return;
    batch.cancelled ??= reason;
    for (const row of batch.rows) row.outcome ??= 'cancelled';
  };

  finish: ClawGymServer['finish'] = async (uid) => {
    this.#call('finish');
    const batch = this.#batch(uid);
    if (batch.rows.some(({ outcome }) => outcome === undefined))
      throw new ClawError('Conflict', `batch ${uid} has undecided rollouts`);
    batch.results ??= sha256(JSON.stringify(batch.rows.map(({ outcome }) => outcome)));
    return batch.results;
  };

  /** What a sound task earns its agent. */
  rollouts: ClawGymServer['rollouts'] = async (uid) => {
    this.#call('rollouts');
    const { body, rows } = this.#batch(uid);
    const { agent } = body.spec as { agent: { name: string } };
    return rowsOf('task', rows.length, EARNED.get(agent.name) ?? 0);
  };
  benchResults: ClawGymServer['benchResults'] = async () => ({ arms: [] });
  expectImport: ClawGymServer['expectImport'] = async (podUid) => {
    this.#call('expect-import');
    this.expectedImports.add(podUid);
  };
  policyPod: ClawGymServer['policyPod'] = async (podUid, body) => {
    this.#call('policy-pod');
    this.policyPods.set(podUid, body);
    return this.policyState;
  };
  policyOf: ClawGymServer['policyOf'] = async (batch, { model }) => {
    this.#call('policy-of');
    const told = [...this.policyPods.values()].find(({ batches }) => batches.includes(batch));
    return told?.model === model ? this.policyState : { phase: 'unheard', message: '' };
  };
  endPolicies: ClawGymServer['endPolicies'] = async (owner) => {
    this.#call('end-policies');
    for (const [uid, body] of this.policyPods)
      if (body.owner === owner) this.policyPods.delete(uid);
  };
  taskSet: ClawGymServer['taskSet'] = async (source) => {
    this.#call('task-set');
    return soundTaskSet(source);
  };

  /** A sandbox pod asks for its row: the row, to wait, or that there is nothing to do. */
  claim(jobUid: string, index: number, podUid: string): 'work' | 'wait' | 'decided' {
    const found = this.#jobOf(jobUid);
    if (found === undefined) return 'wait';
    const { batch, job } = found;
    const row = job.rows[index];
    if (row === undefined || !job.live || job.settled.has(row)) return 'decided';
    const open = [...batch.pods.entries()].some(
      ([uid, pod]) => uid !== podUid && pod.open && pod.row === row,
    );
    if (open) return 'wait';
    const state = batch.rows[row];
    if (state === undefined || state.outcome !== undefined) return 'decided';
    if (!batch.pods.has(podUid)) {
      batch.pods.set(podUid, { row, open: true });
      if (job.shape.phase === 'rollout') state.attempts += 1;
    }
    batch.startedAt ??= Date.now();
    return 'work';
  }

  /** The pod did its work: a workspace is kept, or a verdict is in. False where it came too late. */
  done(jobUid: string, podUid: string): boolean {
    const found = this.#jobOf(jobUid);
    const pod = found?.batch.pods.get(podUid);
    if (found === undefined || pod === undefined || !pod.open) return false;
    const { batch, job } = found;
    const row = batch.rows[pod.row];
    if (row === undefined) return false;
    pod.open = false;
    job.settled.add(pod.row);
    if (job.shape.phase === 'rollout') row.verifying = true;
    else {
      row.verifying = false;
      row.outcome ??= 'scored';
    }
    return true;
  }

  /** What a batch came to, for comparisons: no names, no times. */
  summary(uid: string): unknown {
    const batch = this.#batches.get(uid);
    return batch && { outcomes: batch.rows.map(({ outcome }) => outcome), results: batch.results };
  }

  attempts(uid: string): readonly number[] {
    return this.#batches.get(uid)?.rows.map(({ attempts }) => attempts) ?? [];
  }

  jobsOf(uid: string): readonly { readonly name: string; readonly cause: string | undefined }[] {
    return this.#batch(uid).jobs.map(({ name, cause }) => ({ name, cause }));
  }

  cancelled(uid: string): string | undefined {
    return this.#batches.get(uid)?.cancelled;
  }

  /** Of a namespace, as they were planned: each batch, and why it was cancelled. */
  planned(namespace: string): readonly (readonly [uid: string, cancelled: string | undefined])[] {
    return [...this.#batches].flatMap(([uid, { body, cancelled }]) =>
      body.namespace === namespace ? [[uid, cancelled] as const] : [],
    );
  }

  #call(name: string): void {
    this.calls.push(name);
    this.fail(name);
  }

  #batch(uid: string): StoredBatch {
    const batch = this.#batches.get(uid);
    if (batch === undefined) throw new ClawError('NotFound', `no batch ${uid}`);
    return batch;
  }

  #job(uid: string, name: string): StoredJob {
    const job = this.#batch(uid).jobs.find((each) => each.name === name);
    if (job === undefined) throw new ClawError('NotFound', `no Job ${name}`);
    return job;
  }

  #jobOf(jobUid: string) {
    for (const batch of this.#batches.values())
      for (const job of batch.jobs) if (job.uid === jobUid) return { batch, job };
    return undefined;
  }

  #waiting(batch: StoredBatch, phase: Shape['phase']): readonly number[] {
    const carried = new Set(
      batch.jobs
        .filter((job) => job.live && job.shape.phase === phase)
        .flatMap((job) => job.rows.filter((row) => !job.settled.has(row))),
    );
    return batch.rows.flatMap((row, index) => {
      const wants = row.outcome === undefined && row.verifying === (phase === 'verify');
      return wants && !carried.has(index) ? [index] : [];
    });
  }

  #state(uid: string): BatchState {
    const batch = this.#batch(uid);
    const { rows, jobs, results, startedAt } = batch;
    const decided = rows.filter(({ outcome }) => outcome !== undefined);
    const atWork = [...batch.pods.values()].filter(
      ({ open, row }) => open && !rows[row]?.verifying,
    );
    const active = atWork.length;
    const verifying = rows.filter((row) => row.verifying && row.outcome === undefined).length;
    const outcomes: Record<string, number> = {};
    for (const { outcome = '' } of decided) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const modelHold = this.modelHold(batch.body);
    const waiting = (modelHold === undefined ? [ROLLOUT, VERIFY] : [VERIFY]).map((each) => ({
      shape: each,
      count: this.#waiting(batch, each.phase).length,
    }));
    const largest = (phase: Shape['phase']): number =>
      Math.max(0, ...jobs.filter((job) => job.shape.phase === phase).map((job) => job.generation));
    return {
      ...{ uid, taskSet: TASK_SET, planned: rows.length, notGradable: 0, outcomes },
      ...modelOf(batch.body),
      ...(modelHold !== undefined && { modelHold }),
      pending: rows.length - decided.length - verifying - active,
      ...{ active, verifying, decided: decided.length },
      ...{ decidedIndexes: '', failedIndexes: '', infraFailures: 0, disruptions: 0 },
      attempts: rows.reduce((sum, row) => sum + row.attempts, 0),
      generations: { rollout: largest('rollout'), verify: largest('verify') },
      jobs: jobs.map(jobState),
      waiting: waiting.filter(({ count }) => count > 0),
      ...(results === undefined ? {} : { results, decidedAt: Date.now() }),
      ...(startedAt === undefined ? {} : { startedAt }),
    };
  }
}

function modelOf({ spec }: PlanBatchBody): Pick<BatchState, 'model'> {
  const { model } = spec as { model?: { artifact?: string } };
  return model?.artifact === undefined ? {} : { model: artifactDigest(model.artifact) };
}

const TASK_SET = asSha256('a'.repeat(64));

function jobState(job: StoredJob): JobState {
  const { name, shape: own, generation, uid, live, rows, settled } = job;
  return {
    ...{ name, phase: own.phase, generation, shape: own, live },
    ...(uid === undefined ? {} : { uid }),
    ...{ length: rows.length, settled: settled.size },
  };
}
