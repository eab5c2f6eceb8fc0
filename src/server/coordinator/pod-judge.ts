import { parseJson } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { evidenceOfPod, zPodForEvidence } from '../../protocol/evidence-of-pod.ts';
import type { PodEvidence } from '../../protocol/pod-evidence.ts';
import { type AttemptEndBody, zAttemptEndBody } from '../../protocol/sandbox-api.ts';
import { brokeItsNetwork } from '../../rollouts/agent-outcome.ts';
import { classifyRolloutPod, type RolloutPodClass } from '../../rollouts/classify-pod.ts';
import { classifyVerifyPod } from '../../rollouts/classify-verify-pod.ts';
import { knownFindings } from '../../rollouts/known-findings.ts';
import type { AgentEnd, Finding } from '../../rollouts/outcome.ts';
import { isOver } from '../../rollouts/pod-facts.ts';
import { isAttemptOver } from '../../store/attempt-over.ts';
import type { ClusterStore, WorkItem } from '../../store/cluster-records.ts';
import type { AttemptEnd, AttemptRow, VerificationRow } from '../../store/records.ts';
import type { PodReader } from '../identity/pods.ts';
import { agentDeadline } from '../planning/attempt-limits.ts';
import { graderOf } from './grader-of.ts';
import type { LiveBatch, LiveRollout } from './live-batch.ts';
import { harnessOf } from './plan-agents.ts';
import { podEngine, podUidOf, type RolloutKeeper } from './rollout-keeper.ts';
import { verifierDeadline } from './verifier-deadline.ts';

export interface PodJudgeOptions {
  readonly store: ClusterStore;
  readonly keeper: RolloutKeeper;
  readonly pods: PodReader;
  readonly clock: Clock;
  readonly newNonce: () => string;
  /** Ends what the attempt has of the model; before its calls are counted. */
  readonly endModel: (attempt: AttemptRow['id']) => Promise<void>;
}

type VerifyItem = Exclude<WorkItem, { kind: 'rollout' }>;

/** Turns what became of pods into rows (design: rollouts.md 5), once, whoever saw it first. */
export class PodJudge {
  readonly #options: PodJudgeOptions;

  constructor(options: PodJudgeOptions) {
    this.#options = options;
  }

  /**
   * Judges a pod of a row of the batch. False while the pod may still go on, so that it must not be
   * deleted.
   */
  async judge(batch: LiveBatch, item: WorkItem, evidence: PodEvidence): Promise<boolean> {
    if (item.kind !== 'rollout') return await this.#judgeVerify(batch, item, evidence);
    const { row } = batch.at(item.position);
    return await this.#options.keeper.inTurn(row.id, async () => {
      const attempt = await this.#options.store.attemptOfPod(evidence.podUid);
      if (attempt === undefined) return await this.#unclaimed(batch, batch.of(row.id), evidence);
      return await this.judgeAttempt(batch, attempt, evidence);
    });
  }

  /** In the rollout's turn. `evidence` undefined: the pod vanished without any. */
  async judgeAttempt(
    batch: LiveBatch,
    attempt: AttemptRow,
    evidence: PodEvidence | undefined,
  ): Promise<boolean> {
    const { clock } = this.#options;
    const over = evidence === undefined || isOver(evidence, clock.now());
    if (isAttemptOver(attempt)) return over;
    if (!over) return false;
    await this.#options.endModel(attempt.id);
    const held = await this.#held(attempt);
    const found = classifyRolloutPod(evidence, await this.#facts(batch, attempt, held));
    await this.#apply(batch, attempt, found, held);
    return true;
  }

  /** What became of the pod of an open attempt, by the pod as it is now; false while it goes on. */
  async lookAt(batch: LiveBatch, attempt: AttemptRow): Promise<boolean> {
    const { store, pods, clock } = this.#options;
    const podUid = podUidOf(attempt);
    if (podUid === undefined) return await this.judgeAttempt(batch, attempt, undefined);
    const known = await store.getEvidence(podUid);
    if (known !== undefined && isOver(known, clock.now())) {
      return await this.judgeAttempt(batch, attempt, known);
    }
    if (known === undefined) return false;
    const pod = await pods.get(batch.planned.frozen.namespace, known.podName);
    const gone = pod === undefined || pod.metadata.uid !== podUid;
    const seen = gone ? { ...known, gone } : evidenceIn(pod);
    if (seen === undefined) return false;
    const stored = await store.putEvidence(batch.planned.row.id, seen);
    return await this.judgeAttempt(batch, attempt, stored);
  }

  /** Keeps what a pod is like when it claims, so that its name is known after it vanished. */
  async keepPod(batch: LiveBatch, object: unknown): Promise<void> {
    const seen = evidenceIn(object);
    if (seen !== undefined) await this.#options.store.putEvidence(batch.planned.row.id, seen);
  }

  async #facts(batch: LiveBatch, attempt: AttemptRow, held: AttemptEndBody | undefined) {
    const { store, clock } = this.#options;
    const calls = await store.listCalls(attempt.id);
    const lost = await store.getModelLoss(attempt.id);
    return {
      ended: false,
      modelLost: modelLost(lost !== undefined, held),
      held: held && { workspace: workspaceOf(held) },
      budgetEnded: calls.some(({ finish }) => finish?.result === 'budget'),
      agentSeconds: agentDeadline(batch.of(attempt.rollout).task, batch.planned.settings),
      now: clock.now(),
    };
  }

  async #held(attempt: AttemptRow): Promise<AttemptEndBody | undefined> {
    const podUid = podUidOf(attempt);
    const text = podUid && (await this.#options.store.getPodReport(podUid));
    return text === undefined || text === '' ? undefined : zAttemptEndBody.parse(parseJson(text));
  }

  async #apply(
    batch: LiveBatch,
    attempt: AttemptRow,
    found: RolloutPodClass,
    held: AttemptEndBody | undefined,
  ): Promise<void> {
    const { keeper, clock } = this.#options;
    switch (found.class) {
      case 'running':
      case 'ended':
        return;
      case 'unclaimed':
        // Its stage claimed and then had no server for too long; no agent ran.
        return await keeper.close(batch, attempt, { class: 'disruption', reason: 'ServerAway' });
      case 'end':
        if (held === undefined) return;
        return await keeper.end(batch, attempt, endOf(held, found.agent, clock.now()));
      case 'agent_error':
      case 'agent_timeout': {
        const code = found.class === 'agent_error' ? 'WorkspaceLimit' : 'SnapshotNeverArrived';
        const findings: Finding[] = [{ code, message: found.message }];
        return await keeper.decideAgainst(batch, attempt, found.class, found.reason, findings);
      }
      default:
        return await keeper.close(batch, attempt, found);
    }
  }

  /**
   * A pod that ended before it claimed. Infrastructure failures count, or a pod that can never start
   * would be tried for ever: they get an attempt of their own.
   */
  async #unclaimed(
    batch: LiveBatch,
    rollout: LiveRollout,
    evidence: PodEvidence,
  ): Promise<boolean> {
    const { store, keeper, clock, newNonce } = this.#options;
    const found = classifyRolloutPod(evidence, {
      ended: false,
      modelLost: undefined,
      held: undefined,
      budgetEnded: false,
      agentSeconds: agentDeadline(rollout.task, batch.planned.settings),
      now: clock.now(),
    });
    if (found.class === 'running') return false;
    if (found.class !== 'infra_error' || rollout.next?.do !== 'attempt') return true;
    const attempt = await store.openAttempt(rollout.row.id, {
      engine: podEngine(evidence.podUid),
      nonce: newNonce(),
      startedAt: clock.now(),
      harness: harnessOf(batch.planned, rollout.row.sample),
    });
    await keeper.close(batch, attempt, found);
    return true;
  }

  async #judgeVerify(batch: LiveBatch, item: VerifyItem, evidence: PodEvidence): Promise<boolean> {
    const { store, keeper, clock } = this.#options;
    const found = classifyVerifyPod(evidence, {
      settled: !batch.carries(item),
      problem: await store.getPodReport(evidence.podUid),
      verifierSeconds: verifierDeadline(batch, item),
      now: clock.now(),
    });
    switch (found.class) {
      case 'running':
        return false;
      case 'settled':
        return isOver(evidence, clock.now());
      case 'crash':
      case 'timeout':
        await this.#graded(batch, item, evidence.podUid, found);
        return true;
      case 'infra_error':
      case 'disruption':
        if (batch.gradingTries.note(item, evidence.podUid, found.class))
          await keeper.gradingGivenUp(batch, item);
        return true;
      default:
        return true;
    }
  }

  /** The verifier's own failure, as a row for the verdict rules. */
  async #graded(
    batch: LiveBatch,
    item: VerifyItem,
    podUid: string,
    { class: status, message }: { readonly class: 'crash' | 'timeout'; readonly message: string },
  ): Promise<void> {
    const { store, keeper, clock } = this.#options;
    if (item.kind === 'gate') {
      const { taskDigest, gate } = item;
      return await keeper.gateRan(batch, { taskDigest, gate, status, names: null });
    }
    const fetched = await store.getFetched(podUid);
    const row: VerificationRow = {
      attempt: item.attempt,
      kind: item.verification,
      status,
      message,
      checks: [],
      flat: null,
      native: null,
      seconds: 0,
      grader: graderOf(fetched, ''),
      findings: fetched?.findings ?? [],
      createdAt: clock.now(),
    };
    const { id } = batch.ofAttempt(item.attempt).row;
    await keeper.inTurn(id, () => keeper.verified(batch, row));
  }
}

/** Undefined for an object that is no pod of a Job. */
function evidenceIn(object: unknown): PodEvidence | undefined {
  const parsed = zPodForEvidence.safeParse(object);
  return parsed.success ? evidenceOfPod(parsed.data, { gone: false }) : undefined;
}

function modelLost(
  upstreamFailed: boolean,
  held: AttemptEndBody | undefined,
): 'UpstreamFailed' | 'LinkLost' | undefined {
  if (held?.agent !== undefined && brokeItsNetwork(held.agent)) return undefined;
  if (upstreamFailed) return 'UpstreamFailed';
  return held?.linkLost === undefined ? undefined : 'LinkLost';
}

function workspaceOf({ snapshot, refused }: AttemptEndBody): 'present' | 'refused' | 'missing' {
  if (snapshot !== undefined) return 'present';
  return refused === undefined ? 'missing' : 'refused';
}

/** The end of an attempt by what its companion reported, and how its agent ended. */
export function endOf(body: AttemptEndBody, agent: AgentEnd, endedAt: number): AttemptEnd {
  return {
    agent,
    snapshot: body.snapshot,
    refused: body.refused,
    stdout: body.stdout,
    stderr: body.stderr,
    findings: knownFindings(body.findings),
    endedAt,
  };
}
