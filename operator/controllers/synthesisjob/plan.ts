import { GROUP } from '../../../src/api/group.ts';
import { rolloutBatch } from '../../../src/api/rollout-batch.ts';
import { markHolds, SERVER_MARK } from '../../../src/engines/kubernetes/settings.ts';
import { STEERING_MARK } from '../../../src/engines/kubernetes/synthesis-worker-job.ts';
import type { GateRound, SynthesisState } from '../../../src/protocol/synthesis-server.ts';
import type { NewObject } from '../../kube/client/resource-client.ts';
import { labelValue } from '../../kube/objects/labels.ts';
import { controllerRef } from '../../kube/objects/owner-references.ts';
import { batchName } from '../shared/batch-name.ts';
import type { RolloutBatch, SynthesisJob } from '../shared/kinds.ts';
import type { Job } from '../shared/kube-kinds.ts';
import { isGoing, isOver } from '../shared/life.ts';
import { runStart } from '../shared/run-start.ts';
import { steeringMark } from './steering.ts';

export const DEADLINE_EXCEEDED = 'DeadlineExceeded';
/** A Job that failed for good is made anew after so long: endpoints come back. */
const RETRY_MS = 60_000;
/** What a batch said is kept by the server; the object stays a while for people. */
const BATCH_TTL_SECONDS = 600;
const TRIAL_PERCENT = 20;
const JOB_LABEL = `${GROUP}/synthesisjob`;
const RUN_LABEL = `${GROUP}/gate`;

export interface SynthesisView {
  readonly job: SynthesisJob;
  readonly state: SynthesisState;
  /** Its Job, where it is there. */
  readonly worker: Job | undefined;
  /** Those that the job controls, by uid. */
  readonly batches: readonly RolloutBatch[];
  /** Address and authority of the server, as Jobs are marked with it now. */
  readonly serverMark: string;
  /** Nothing new may start: the namespace, the store, an endpoint. */
  readonly held: boolean;
}

export interface SynthesisPlan {
  /** Said to the server first: no pod may claim from then on. */
  readonly cancel: string | undefined;
  readonly worker: 'make' | 'remove' | 'leave';
  /** Uid that the server does not know of yet. */
  readonly tellWorker: string | undefined;
  readonly create: readonly {
    readonly round: GateRound;
    readonly batch: NewObject<RolloutBatch>;
  }[];
  readonly tellBatches: readonly { readonly round: number; readonly uid: string }[];
  /** Batches whose spec.suspend is not that of the job. */
  readonly change: readonly RolloutBatch[];
  /** Batches that nobody waits for. */
  readonly remove: readonly RolloutBatch[];
  /** Milliseconds since the epoch at which the job fails. */
  readonly deadline: number | undefined;
  /** Nothing of it runs any more. */
  readonly still: boolean;
}

/** Pure: what is to be done for a job that is planned and has not ended. */
export function planSynthesis(view: SynthesisView, nowMs: number): SynthesisPlan {
  const { job, state, worker, batches } = view;
  const start = runStart(job, state.startedAt, nowMs);
  const seconds = job.spec.activeDeadlineSeconds;
  const deadline =
    start === undefined || seconds === undefined ? undefined : start + seconds * 1000;
  const late = deadline !== undefined && nowMs >= deadline && !job.spec.suspend;
  const ended = state.result !== undefined || state.cancelled !== undefined;
  const over = ended || late;
  const rounds = over ? [] : state.rounds;
  const named = rounds.map((round) => ({ round, name: roundName(job, round) }));
  const byName = new Map(batches.map((batch) => [batch.metadata.name, batch]));
  const live = batches.filter((batch) => !isGoing(batch) && !isOver(batch));
  return {
    cancel: late && !ended ? DEADLINE_EXCEEDED : undefined,
    worker: workerStep(view, over, nowMs),
    tellWorker:
      worker !== undefined && !isGoing(worker) && worker.metadata.uid !== state.worker
        ? worker.metadata.uid
        : undefined,
    create: named
      .filter(({ name }) => !byName.has(name) && !job.spec.suspend && !view.held)
      .map(({ round, name }) => ({ round, batch: gateBatch(job, round, name) })),
    tellBatches: named.flatMap(({ round, name }) => {
      const uid = byName.get(name)?.metadata.uid;
      return uid === undefined || uid === round.batch ? [] : [{ round: round.id, uid }];
    }),
    change: over ? [] : live.filter(({ spec }) => spec.suspend !== job.spec.suspend),
    // One that only finishes is done in a moment, and stays for people like the others.
    remove: over ? live.filter((batch) => !isDecided(batch)) : [],
    deadline,
    still: worker === undefined && live.length === 0,
  };
}

function isDecided({ status }: RolloutBatch): boolean {
  const { planned, decided } = status?.rollouts ?? {};
  return planned !== undefined && planned === decided;
}

function workerStep(
  { job, state, worker, serverMark, held }: SynthesisView,
  over: boolean,
  nowMs: number,
): SynthesisPlan['worker'] {
  const wanted = !over && !job.spec.suspend;
  if (worker === undefined) return wanted && !held ? 'make' : 'leave';
  if (isGoing(worker)) return 'leave';
  if (!wanted) return 'remove';
  const { annotations = {} } = worker.metadata;
  if (annotations[STEERING_MARK] !== steeringMark(state.steering)) return 'remove';
  if (!markHolds(annotations[SERVER_MARK], serverMark)) return 'remove';
  const end = worker.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  if (end === undefined) return 'leave';
  const since = Date.parse(end.lastTransitionTime ?? '');
  return Number.isNaN(since) || nowMs - since >= RETRY_MS ? 'remove' : 'leave';
}

/** True where the Job controller has given the worker up. */
export function hasFailed(worker: Job | undefined): boolean {
  return (
    worker?.status?.conditions?.some(
      ({ type, status }) => type === 'Failed' && status === 'True',
    ) ?? false
  );
}

function roundName({ metadata }: SynthesisJob, { id, run }: GateRound): string {
  return batchName(metadata, `r${id}-${run}`);
}

/** Everything that is not said here has the default that the API server would fill in. */
export function gateBatch(
  job: SynthesisJob,
  { agent, run, samples, taskSet, trial }: Omit<GateRound, 'id' | 'batch'>,
  name: string,
): NewObject<RolloutBatch> {
  return {
    metadata: {
      name,
      namespace: job.metadata.namespace,
      labels: {
        'app.kubernetes.io/part-of': 'clawgym',
        'app.kubernetes.io/managed-by': 'clawgym-operator',
        [JOB_LABEL]: labelValue(job.metadata.name),
        [RUN_LABEL]: run,
      },
      ownerReferences: [controllerRef(job)],
    },
    spec: rolloutBatch.spec.parse({
      tasks: { digest: taskSet },
      agent: { name: agent },
      samples,
      limits: { timeoutPercent: trial ? TRIAL_PERCENT : 100 },
      ttlSecondsAfterFinished: BATCH_TTL_SECONDS,
      sandbox: job.spec.sandbox,
    }),
  };
}
