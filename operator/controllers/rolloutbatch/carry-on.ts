import { ClawError } from '../../../src/base/error.ts';
import { retryAfterOf } from '../../../src/protocol/operator-client.ts';
import { isNotFound } from '../../kube/base/kube-error.ts';
import type { Logger } from '../../kube/base/logger.ts';
import type { WriteOptions } from '../../kube/client/resource-client.ts';
import {
  DONE,
  type ReconcileContext,
  type ReconcileResult,
} from '../../kube/controller/reconcile.ts';
import { keyOf } from '../../kube/objects/object-key.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { jobs } from '../shared/kube-kinds.ts';
import { FIELD_MANAGER } from '../shared/marks.ts';
import { serverProblem } from '../shared/server-problem.ts';
import { runCondition } from '../shared/vocabulary.ts';
import { carryOut, type Work } from './carry-out.ts';
import { Findings } from './findings.ts';
import type { Installation } from './installation.ts';
import { clusterView, finishedIn, modeOf, observedOf, tellEvidence } from './look.ts';
import { hasLentModel, hasOwnModel, policyWanted } from './model-of.ts';
import { BLOCKED_MS, nextLook } from './next-look.ts';
import type { BatchParts } from './parts.ts';
import { plan } from './plan.ts';
import { withDefaults } from './resources.ts';
import { shortJob } from './shortage.ts';
import type { Hindrance } from './status-input.ts';
import { writeStatus } from './write-status.ts';

/** Steps that only the server sees need no new view of the cluster: so many in one run at most. */
const MAX_ROUNDS = 6;
const SERVER_AWAY_MS = 3000;
const READING_MS = 2000;

/** One run for a batch that is not over: ask, tell, decide, do, and say how it is. */
export async function carryOn(
  parts: BatchParts,
  object: RolloutBatch,
  context: ReconcileContext,
): Promise<ReconcileResult> {
  const uid = object.metadata.uid ?? '';
  parts.pace.mark(uid);
  parts.ledger.open(uid);
  const call = { signal: context.signal, fieldManager: FIELD_MANAGER };
  const findings = new Findings(withDefaults(object, parts.defaults), uid);
  let waitMs: number | undefined;
  try {
    waitMs = await work(parts, findings, { ...call, logger: context.logger });
  } catch (thrown) {
    if (!(thrown instanceof ClawError)) throw thrown;
    context.signal.throwIfAborted();
    context.logger.warn({ error: thrown }, 'the server could not be asked, or refused');
    const { message, reason } = serverProblem(thrown);
    const kind = reason === 'ServerIncompatible' ? 'protocol' : 'server';
    waitMs = retryAfterOf(thrown) ?? (kind === 'protocol' ? BLOCKED_MS : SERVER_AWAY_MS);
    // Somebody else was first, or more is to be decided: the next look shows it.
    if (thrown.code !== 'Conflict') findings.hindrance = { kind, message };
  }
  const write = await writeStatus(parts, findings, call);
  const waits = [waitMs, write.waitMs].filter((ms) => ms !== undefined);
  return waits.length === 0 ? DONE : { requeueAfterMs: Math.min(...waits) };
}

/** Milliseconds until the next look; undefined where only a change of an object brings anything new. */
async function work(
  parts: BatchParts,
  findings: Findings,
  call: WorkOptions,
): Promise<number | undefined> {
  const { batch, uid } = findings;
  const planned = await parts.planner.planned(uid, batch, call);
  Object.assign(findings, planned);
  if (planned.state === undefined) return unplannedMs(planned.hindrance);
  findings.mode = modeOf(batch, planned.state, parts.clock.now());
  // Frozen before the first Job: who reads the status knows what runs.
  if (batch.status?.taskSet !== planned.state.taskSet) {
    const { waitMs } = await writeStatus(parts, findings, call);
    if (waitMs !== undefined) return waitMs;
  }
  const installation = await parts.installation.current(call);
  findings.storeFull = installation.info.storeFull;
  findings.storeFilling = installation.info.storeFilling;
  await lookAtModel(parts, findings, installation, call);
  const absent = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const more = await oneRound(parts, findings, { installation, absent, call });
    if (!more) break;
    findings.state = await parts.server.batch(uid, call);
  }
  await checkShortage(parts, findings, call);
  // Where nothing may start, the namespace is not prepared for a pod either.
  const held = findings.state?.modelHold !== undefined;
  if (findings.mode === 'run' && findings.hindrance === undefined && !held)
    findings.network = await parts.network.finding(findings.batch, installation.pods, call);
  return nextLook(parts.settings, findings);
}

/** A pod or another object is at work: nothing tells when it has come to its end. */
function unplannedMs(hindrance: Hindrance | undefined): number {
  const works = hindrance?.kind === 'reading' || (hindrance?.kind === 'waiting' && !hindrance.held);
  return works ? READING_MS : BLOCKED_MS;
}

interface WorkOptions extends WriteOptions {
  readonly logger: Logger;
}

interface Round {
  readonly installation: Installation;
  /** Names of Jobs that live reads of this run did not find. */
  readonly absent: Set<string>;
  readonly call: WorkOptions;
}

/** True where another round may find more to do at once. */
async function oneRound(parts: BatchParts, findings: Findings, round: Round): Promise<boolean> {
  const { uid } = findings;
  const { absent, call, installation } = round;
  const before = clusterView(parts, findings.batch, uid);
  const stored = await tellEvidence(parts, uid, before.pods, call);
  if (before.pods.untold.length > 0) findings.state = await parts.server.batch(uid, call);
  const { state } = findings;
  if (state === undefined) return false;
  findings.mode = modeOf(findings.batch, state, parts.clock.now());
  // A sweep may take what had ended when the evidence was told, nothing later.
  const cluster = {
    ...clusterView(parts, findings.batch, uid),
    podsVersion: before.podsVersion,
  };
  findings.cluster = cluster;
  await checkNamespace(parts, findings, installation, call);
  const mayStart =
    findings.hindrance === undefined && !findings.storeFull && findings.model?.served !== false;
  const finished = finishedIn(before.pods, stored);
  const seen = { uid, mode: findings.mode, state, cluster, finished, installation, absent };
  const actions = plan(observedOf(parts, findings.batch, { ...seen, mayStart }));
  const work = workOf(parts, findings, cluster.podsVersion, round);
  let changed = false;
  let idle = 0;
  for (const action of actions) {
    if (action.do === 'look') {
      if (await isThere(parts, findings.batch, action.name, call)) idle += 1;
      else absent.add(action.name);
    } else if (await findings.attempt(action, () => carryOut(action, work))) changed = true;
  }
  // What was written is not in the caches yet: the next run waits for it.
  return !changed && actions.length > idle && findings.forbidden === undefined;
}

function workOf(
  parts: BatchParts,
  { batch, uid }: Findings,
  podsVersion: string | undefined,
  { call, installation }: Round,
): Work {
  const { client, clock, server, sweeps, world } = parts;
  const key = keyOf(batch);
  return {
    ...{ batch, uid, client, clock, server, call, podsVersion },
    installation: installation.pods,
    endReason: 'DeadlineExceeded',
    sweep: (deletion) =>
      sweeps.start(uid, deletion, (error) => {
        if (call.signal.aborted) return;
        call.logger.warn({ error }, 'finished pods could not be deleted');
      }),
    written: (job) => world.writtenJobs.record(key, job),
  };
}

/** Agents do not start before the model of ours that they ask is served. */
async function lookAtModel(
  parts: BatchParts,
  findings: Findings,
  installation: Installation,
  call: WriteOptions,
): Promise<void> {
  const { batch, mode, state } = findings;
  if (state === undefined || !hasOwnModel(batch)) return;
  const wanted = policyWanted(batch, state, mode === 'run');
  if (wanted === undefined) {
    await parts.policies.end(batch, call);
    findings.model = { served: true, condition: runCondition('ModelServed', 'False', 'NotNeeded') };
    return;
  }
  if (hasLentModel(batch)) {
    findings.model = await parts.policies.lent(batch, wanted, call);
    return;
  }
  await checkNamespace(parts, findings, installation, call);
  if (findings.hindrance !== undefined) return;
  findings.model = await parts.policies.look(batch, wanted, installation.pods, call);
}

/** Only where a Job is about to be made, or gets no pods: what runs already goes on. */
async function checkNamespace(
  parts: BatchParts,
  findings: Findings,
  { pods }: Installation,
  call: WriteOptions,
): Promise<void> {
  const { batch, mode, state } = findings;
  const unmade = state?.jobs.find(({ live, uid }) => live && uid === undefined)?.shape;
  const short = parts.namespaces.isDoubted(batch.metadata.namespace ?? '')
    ? state?.jobs.find(({ live }) => live)?.shape
    : undefined;
  const shape = state?.waiting[0]?.shape ?? unmade ?? short;
  if (mode !== 'run' || shape === undefined) return;
  const problem = await parts.namespaces.problemOf(batch, shape, pods, call);
  findings.prepared = problem === undefined;
  findings.hindrance = problem && { kind: 'planning', ...problem };
}

/** By a live read: a cache may be behind. */
async function isThere(
  { client }: BatchParts,
  { metadata }: RolloutBatch,
  name: string,
  call: WriteOptions,
): Promise<boolean> {
  try {
    await client.for(jobs).get({ namespace: metadata.namespace, name }, call);
    return true;
  } catch (thrown) {
    if (isNotFound(thrown)) return false;
    throw thrown;
  }
}

async function checkShortage(
  parts: BatchParts,
  findings: Findings,
  call: WriteOptions,
): Promise<void> {
  const { cluster, state, uid } = findings;
  if (findings.forbidden !== undefined || state === undefined || cluster === undefined) return;
  const left = new Map(
    state.jobs.filter(({ live }) => live).map((job) => [job.name, job.length - job.settled]),
  );
  const own = parts.world.jobs.byIndex('owner', uid);
  const short = shortJob(own, cluster.pods.facts, left, parts.clock.now());
  const words = await parts.shortages.words(uid, short, call);
  if (words === undefined) return;
  findings.forbidden = { reason: 'PodsForbidden', message: words };
  parts.namespaces.doubt(findings.batch.metadata.namespace ?? '');
}
