import { serverMark } from '../../../src/engines/kubernetes/settings.ts';
import type { ServerCall } from '../../../src/protocol/claw-gym-server.ts';
import type { BatchState } from '../../../src/protocol/operator-api.ts';
import { findCondition } from '../../kube/objects/conditions.ts';
import { cacheOf } from '../shared/joined-cache.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { runStart } from '../shared/run-start.ts';
import { jobFact } from './facts.ts';
import type { Installation } from './installation.ts';
import type { FinishedPods, JobFact, Mode, Observed } from './observed.ts';
import type { BatchParts } from './parts.ts';
import { type PodView, podView } from './pod-view.ts';

/** Pods of one POST at most (protocol/operator-api.ts zEvidenceBody). */
const MAX_EVIDENCE = 500;

/** What the caches say of a batch, at one moment. */
export interface ClusterView {
  readonly jobs: readonly JobFact[];
  readonly pods: PodView;
  readonly podsVersion: string | undefined;
}

export function clusterView(parts: BatchParts, batch: RolloutBatch, uid: string): ClusterView {
  const { clock, lastSeen, ledger, world } = parts;
  const pods = cacheOf(world.pods, batch.metadata.namespace);
  return {
    jobs: world.jobs.byIndex('owner', uid).map(jobFact),
    podsVersion: pods.listing ? undefined : pods.resourceVersion,
    pods: podView({
      present: world.pods.byIndex('batch', uid),
      gone: ledger.gone(uid),
      isTold: (podUid) => ledger.isTold(podUid),
      jobOf: (jobUid) => lastSeen.get(uid, jobUid),
      startDeadlineSeconds: batch.spec.startDeadlineSeconds,
      now: clock.now(),
    }),
  };
}

/** Tells the server of every pod that is over. Gives the uids of those whose evidence it has now. */
export async function tellEvidence(
  parts: BatchParts,
  uid: string,
  { untold }: PodView,
  call: ServerCall,
): Promise<ReadonlySet<string>> {
  const stored = new Set<string>();
  for (let from = 0; from < untold.length; from += MAX_EVIDENCE) {
    const pods = untold.slice(from, from + MAX_EVIDENCE);
    const uids = await parts.server.evidence(uid, pods, call);
    parts.ledger.told(uid, uids);
    for (const podUid of uids) stored.add(podUid);
  }
  return stored;
}

/**
 * What a sweep by this view would take, once its evidence was told.
 *
 * @param stored What `tellEvidence` gave for this view.
 */
export function finishedIn({ facts }: PodView, stored: ReadonlySet<string>): FinishedPods {
  const finished = facts.filter(({ swept }) => swept);
  const told = finished.filter(({ reported, uid }) => reported || stored.has(uid)).length;
  return { told, untold: finished.length - told };
}

/** What the batch wants now: it stands still before it fails, and once it fails it does. */
export function modeOf(batch: RolloutBatch, state: BatchState | undefined, now: number): Mode {
  const { spec, status } = batch;
  if (findCondition(status?.conditions, 'FailureTarget')?.status === 'True') return 'stop';
  // While it stands still its time does not run out, and it begins anew when it goes on.
  if (spec.suspend) return 'pause';
  const over = state !== undefined && state.decided === state.planned;
  const deadline = deadlineOf(batch, state, now);
  return !over && deadline !== undefined && now >= deadline ? 'stop' : 'run';
}

/** Milliseconds since the epoch; undefined where there is none, or nothing has started. */
function deadlineOf(
  batch: RolloutBatch,
  state: BatchState | undefined,
  now: number,
): number | undefined {
  const { activeDeadlineSeconds: seconds } = batch.spec;
  const start = runStart(batch, state?.startedAt, now);
  return seconds === undefined || start === undefined ? undefined : start + seconds * 1000;
}

export function observedOf(
  parts: BatchParts,
  batch: RolloutBatch,
  seen: {
    readonly uid: string;
    readonly mode: Mode;
    readonly state: BatchState;
    readonly cluster: ClusterView;
    readonly finished: FinishedPods;
    readonly installation: Installation;
    readonly absent: ReadonlySet<string>;
    readonly mayStart: boolean;
  },
): Observed {
  const { absent, cluster, finished, installation, mayStart, mode, state, uid } = seen;
  return {
    batch: { name: batch.metadata.name, uid, spec: batch.spec },
    mode,
    state,
    jobs: cluster.jobs,
    pods: cluster.pods.facts,
    finished,
    mark: serverMark(installation.pods.server),
    mayStart,
    absent,
    defaultParallelism: parts.settings.defaultParallelism,
  };
}
