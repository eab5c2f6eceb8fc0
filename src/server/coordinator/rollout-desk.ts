import type { AgentPlan, ProcessPlan } from '../../agents/agent.ts';
import { plainText } from '../../base/plain-text.ts';
import { NO_PROGRAM, podAgentSpec } from '../../phases/agent-spec.ts';
import type { AttemptEndBody } from '../../protocol/sandbox-api.ts';
import { brokeItsNetwork } from '../../rollouts/agent-outcome.ts';
import type { AgentEnd, Finding } from '../../rollouts/outcome.ts';
import { isAttemptOver } from '../../store/attempt-over.ts';
import type { ClaimRow } from '../../store/cluster-records.ts';
import type { AttemptEnd, AttemptRow } from '../../store/records.ts';
import { agentDeadline, isTimeBudget, TMP_MIB } from '../planning/attempt-limits.ts';
import type {
  ClaimDesk,
  ClaimingPod,
  CompanionGrant,
  DeskAnswer,
  StageGrant,
} from '../sandbox/claim-desk.ts';
import { agentOfSample } from './batch-agents.ts';
import { batchOf, type DeskContext, decidedAlready, waitFor } from './desk-context.ts';
import type { LiveBatch, LiveRollout } from './live-batch.ts';
import { agentChangedReason, harnessOf } from './plan-agents.ts';
import { endOf } from './pod-judge.ts';
import { podEngine } from './rollout-keeper.ts';

/** Attempts from their opening to their end (design: cluster.md 3). */
export class RolloutDesk implements Pick<ClaimDesk, 'stage' | 'companion' | 'end'> {
  readonly #context: DeskContext;

  constructor(context: DeskContext) {
    this.#context = context;
  }

  async stage(pod: ClaimingPod): Promise<DeskAnswer<StageGrant>> {
    const { item } = pod.row;
    if (item.kind !== 'rollout') return decidedAlready('this row is no rollout');
    const batch = await batchOf(this.#context, pod);
    const { row } = batch.at(item.position);
    return await this.#context.keeper.inTurn(row.id, async () => {
      const opened = await this.#open(batch, batch.of(row.id), pod);
      if ('refusal' in opened) return opened;
      return { grant: await this.#grant(batch, batch.of(row.id), opened.attempt, pod) };
    });
  }

  async companion(pod: ClaimingPod): Promise<DeskAnswer<CompanionGrant>> {
    const attempt = await this.#context.store.attemptOfPod(pod.uid);
    if (attempt === undefined) return waitFor('the pod has no attempt yet: stage claims first');
    if (isAttemptOver(attempt)) return decidedAlready(`attempt ${attempt.id} is over`);
    const { settings, frozen } = (await batchOf(this.#context, pod)).planned;
    return {
      grant: {
        attempt: attempt.id,
        reportNonce: attempt.nonce,
        gatewayLossSeconds: settings.gatewayLossSeconds,
        caps: { ...settings.snapshot },
        hasModel: frozen.spec.model !== undefined,
      },
    };
  }

  async end(claim: ClaimRow, body: AttemptEndBody): Promise<void> {
    const { store, directory, keeper } = this.#context;
    if (claim.attempt === undefined) return;
    const batch = await directory.get(claim.batch);
    const { row } = batch.ofAttempt(claim.attempt);
    await keeper.inTurn(row.id, async () => {
      const attempt = claim.attempt && (await store.getAttempt(claim.attempt));
      if (attempt === undefined || isAttemptOver(attempt)) return;
      await this.#end(batch, batch.of(row.id), attempt, claim.podUid, body);
    });
  }

  /** The pod's own attempt, opened now where nothing stands against it. */
  async #open(
    batch: LiveBatch,
    rollout: LiveRollout,
    pod: ClaimingPod,
  ): Promise<{ readonly attempt: AttemptRow } | ReturnType<typeof waitFor>> {
    const { store, judge, keeper, directory, clock, newNonce } = this.#context;
    const { agentChanged } = batch.planned;
    if (rollout.next === undefined) return decidedAlready('the rollout is decided');
    const own = rollout.attempts.find(({ engine }) => engine === podEngine(pod.uid));
    if (own !== undefined) {
      if (isAttemptOver(own)) return waitFor(`attempt ${own.id} of this pod is over`);
      if (agentChanged !== undefined) {
        // Its agent has not started, and what this release would stage is for another one.
        await keeper.close(batch, own, { class: 'cancelled', reason: 'AgentChanged' });
        return decidedAlready(agentChangedReason(agentChanged));
      }
      return { attempt: await store.renewAttempt(own.id, newNonce()) };
    }
    if (pod.terminating) return waitFor('the pod is being deleted');
    if (rollout.next.do === 'wait') {
      const { attempt } = rollout.next;
      if (!(await judge.lookAt(batch, attempt))) {
        return waitFor(`attempt ${attempt.id} has not ended`);
      }
      return await this.#open(batch, batch.of(rollout.row.id), pod);
    }
    if (rollout.next.do !== 'attempt') return decidedAlready('the agent has ended; it is verified');
    if (agentChanged !== undefined) return decidedAlready(agentChangedReason(agentChanged));
    await judge.keepPod(batch, pod.object);
    const attempt = await store.openAttempt(rollout.row.id, {
      engine: podEngine(pod.uid),
      nonce: newNonce(),
      startedAt: clock.now(),
      harness: harnessOf(batch.planned, rollout.row.sample),
    });
    await directory.refresh(batch, rollout.row.id);
    return { attempt };
  }

  async #grant(
    batch: LiveBatch,
    { task, row }: LiveRollout,
    attempt: AttemptRow,
    pod: ClaimingPod,
  ): Promise<StageGrant> {
    const { contents } = this.#context;
    const { settings, blobs, agents, frozen } = batch.planned;
    const deadlineSeconds = agentDeadline(task, settings);
    const plan = await agentOfSample(agents, row.sample).plan(task, {
      blobs,
      model: frozen.spec.model?.name,
      deadlineSeconds,
    });
    const program = programOf(plan);
    const { shape } = pod.job;
    return {
      attempt: attempt.id,
      inputs: await contents.files(task.workspace.inputs, blobs),
      changes: await contents.changes(plan.kind === 'builtin' ? plan.changes : []),
      agentFiles: await contents.agentFiles(program.files),
      wrapperSpec: podAgentSpec({
        plan: program,
        workspacePath: task.workspace.path,
        deadlineSeconds,
        memoryMiB: shape.memoryMiB,
        workspaceMiB: shape.diskMiB,
        workspaceEntries: settings.snapshot.entries,
        tmpMiB: TMP_MIB,
        nonce: attempt.nonce,
      }),
    };
  }

  async #end(
    batch: LiveBatch,
    { task }: LiveRollout,
    attempt: AttemptRow,
    podUid: string,
    body: AttemptEndBody,
  ): Promise<void> {
    const { store, keeper, judge, clock } = this.#context;
    const upstream = await store.getModelLoss(attempt.id);
    const calls = await store.listCalls(attempt.id);
    const spent = calls.some(({ finish }) => finish?.result === 'budget');
    const lost = upstream !== undefined || (body.linkLost !== undefined && !spent);
    if (lost && !(body.agent && brokeItsNetwork(body.agent))) {
      const reason = upstream === undefined ? 'LinkLost' : 'UpstreamFailed';
      const message = plainText(upstream ?? body.linkLost ?? '', LOSS_CHARS);
      const end = lostEnd(body, { code: reason, message }, clock.now());
      return await keeper.close(batch, attempt, { class: 'infra_error', reason }, end);
    }
    const missing = body.snapshot === undefined && body.refused === undefined;
    if (body.agent === undefined || body.agent.reason === 'Cancelled' || missing) {
      // Why it ended is the pod's to say.
      await store.putPodReport(podUid, JSON.stringify(body));
      const evidence = await store.getEvidence(podUid);
      if (evidence !== undefined) await judge.judgeAttempt(batch, attempt, evidence);
      return;
    }
    const budget =
      spent || (body.agent.reason === 'Deadline' && isTimeBudget(task, batch.planned.settings));
    const { exitCode, signal, seconds } = body.agent;
    const reason: AgentEnd['reason'] = budget ? 'Budget' : body.agent.reason;
    await keeper.end(
      batch,
      attempt,
      endOf(body, { exitCode, signal, seconds, reason }, clock.now()),
    );
  }
}

const LOSS_CHARS = 600;

/** What is kept of an attempt that lost its model; nothing of it is graded. */
function lostEnd(body: AttemptEndBody, loss: Finding, endedAt: number): AttemptEnd | undefined {
  if (body.agent === undefined) return undefined;
  const { exitCode, signal, seconds, reason } = body.agent;
  const end = endOf(body, { exitCode, signal, seconds, reason }, endedAt);
  return { ...end, findings: [...end.findings, loss] };
}

/** A builtin agent's changes are made by `stage`; the wrapper has nothing to start. */
function programOf(plan: AgentPlan): ProcessPlan {
  return plan.kind === 'process' ? plan : NO_PROGRAM;
}
