import type { RolloutId } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { InTurn } from '../../base/in-turn.ts';
import { type Finding, NO_SCORE } from '../../rollouts/outcome.ts';
import { isAttemptOver } from '../../store/attempt-over.ts';
import type { ClusterStore, GateRunRow, WorkItem } from '../../store/cluster-records.ts';
import type {
  AttemptClose,
  AttemptEnd,
  AttemptRow,
  RolloutDecision,
  VerificationRow,
} from '../../store/records.ts';
import { gradingFailed } from '../../verifiers/attempt-verdict.ts';
import { againstAgent, verifiedDecision } from '../../verifiers/rollout-decision.ts';
import type { BatchDirectory } from './batch-directory.ts';
import type { LiveBatch, LiveRollout } from './live-batch.ts';

export interface RolloutKeeperOptions {
  readonly store: ClusterStore;
  readonly directory: BatchDirectory;
  readonly clock: Clock;
  readonly observer: CoordinatorObserver;
  /** Ends what an attempt has of the model; resolves when its calls are recorded. Idempotent. */
  readonly endModel: (attempt: AttemptRow['id']) => Promise<void>;
}

/** Told about what was decided, for metrics; must not throw. */
export interface CoordinatorObserver {
  attemptClosed(kind: AttemptClose['class'], reason: string): void;
  rolloutDecided(decision: RolloutDecision): void;
}

/** Prefix of `AttemptRow.engine` of an attempt in a pod (design: cluster.md 2). */
const POD_ENGINE = 'pod:';

export function podEngine(podUid: string): string {
  return `${POD_ENGINE}${podUid}`;
}

/** Undefined for an attempt of another engine. */
export function podUidOf({ engine }: Pick<AttemptRow, 'engine'>): string | undefined {
  return engine.startsWith(POD_ENGINE) ? engine.slice(POD_ENGINE.length) : undefined;
}

/**
 * Writes what becomes of rollouts: store first, then memory, then what follows from it by the rules.
 * What concerns one rollout is done in turn.
 */
export class RolloutKeeper {
  readonly #options: RolloutKeeperOptions;
  readonly #turns = new InTurn();

  constructor(options: RolloutKeeperOptions) {
    this.#options = options;
  }

  inTurn<T>(rollout: RolloutId, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(rollout, work);
  }

  /** The agent ended and its workspace is safe or refused; first end wins. */
  async end(batch: LiveBatch, attempt: AttemptRow, end: AttemptEnd): Promise<void> {
    const { position } = batch.of(attempt.rollout).row;
    await Promise.all([
      this.#options.store.endAttempt(attempt.id, attempt.nonce, end),
      this.settle(batch, { kind: 'rollout', position }),
    ]);
    await this.refresh(batch, attempt.rollout);
  }

  async close(
    batch: LiveBatch,
    attempt: AttemptRow,
    { class: kind, reason }: Pick<AttemptClose, 'class' | 'reason'>,
    end?: AttemptEnd,
  ): Promise<void> {
    const { store, clock, observer } = this.#options;
    if (attempt.close === undefined) {
      await this.#endModel(attempt);
      await store.closeAttempt(attempt.id, { class: kind, reason, closedAt: clock.now() }, end);
      observer.attemptClosed(kind, reason);
    }
    await this.refresh(batch, attempt.rollout);
  }

  /** The agent's own doing without a workspace to grade: decided with score 0. */
  async decideAgainst(
    batch: LiveBatch,
    attempt: AttemptRow,
    outcome: 'agent_error' | 'agent_timeout',
    reason: string,
    findings: readonly Finding[],
  ): Promise<void> {
    const decision = againstAgent(attempt, outcome, reason, findings, this.#options.clock.now());
    await this.#decide(batch, attempt, outcome, decision);
  }

  async verified(batch: LiveBatch, row: VerificationRow): Promise<void> {
    const item = { kind: 'verification', attempt: row.attempt, verification: row.kind } as const;
    await Promise.all([this.#options.store.addVerification(row), this.settle(batch, item)]);
    await this.refresh(batch, batch.ofAttempt(row.attempt).row.id);
  }

  async gateRan(batch: LiveBatch, run: Omit<GateRunRow, 'namespace'>): Promise<void> {
    const { store, directory, clock } = this.#options;
    const { namespace } = batch.planned.frozen;
    const { taskDigest, gate } = run;
    const [stored] = await Promise.all([
      store.addGateRun({ ...run, namespace }),
      this.settle(batch, { kind: 'gate', taskDigest, gate }),
    ]);
    for (const live of await directory.opened()) {
      if (live.planned.frozen.namespace !== namespace) continue;
      for (const rollout of live.gateRan(stored, clock.now())) {
        await this.inTurn(rollout.row.id, () => this.#follow(live, live.of(rollout.row.id)));
      }
    }
  }

  /** The platform ended a verification too often: missing data, whatever the agent did. */
  async gradingGivenUp(
    batch: LiveBatch,
    item: Exclude<WorkItem, { kind: 'rollout' }>,
  ): Promise<void> {
    await this.settle(batch, item);
    const waiting = batch.rollouts.filter(({ next, row }) =>
      item.kind === 'gate'
        ? next?.do === 'gates' && row.taskDigest === item.taskDigest
        : next?.do === 'verify' && next.attempt.id === item.attempt,
    );
    for (const { row, attempts, task } of waiting) {
      const attempt = attempts.at(-1);
      const end = attempt?.end;
      if (attempt === undefined || end === undefined) continue;
      const now = this.#options.clock.now();
      const decision = verifiedDecision(attempt, end, gradingFailed(), task, now);
      await this.inTurn(row.id, () => this.#decide(batch, attempt, decision.outcome, decision));
    }
  }

  async settle(batch: LiveBatch, item: WorkItem): Promise<void> {
    if (!batch.carries(item)) return;
    await this.#options.store.settleItem(batch.planned.row.id, item);
    batch.settle(item);
  }

  /** Reads a rollout's rows again and does what they ask for. */
  async refresh(batch: LiveBatch, id: RolloutId): Promise<LiveRollout> {
    return await this.#follow(batch, await this.#options.directory.refresh(batch, id));
  }

  /** Every undecided rollout is decided `cancelled`. */
  async cancel(batch: LiveBatch, id: RolloutId, reason: string): Promise<void> {
    const { attempts, next } = batch.of(id);
    if (next === undefined) return;
    const attempt = attempts.at(-1);
    const decision: RolloutDecision = {
      outcome: 'cancelled',
      reason,
      attempt: attempt?.id,
      score: NO_SCORE,
      asLeft: undefined,
      checks: [],
      findings: [],
      decidedAt: this.#options.clock.now(),
    };
    await this.#decide(batch, attempt, 'cancelled', decision, id);
  }

  /** Decides what its rows decide; what a crash left undone is done here. */
  async #follow(batch: LiveBatch, rollout: LiveRollout): Promise<LiveRollout> {
    const { next } = rollout;
    if (next?.do !== 'decide') return rollout;
    const { attempt, decision } = next;
    return await this.#decide(
      batch,
      attempt,
      next.class,
      await this.#withEvidence(attempt, decision),
    );
  }

  async settlePending(batch: LiveBatch): Promise<void> {
    for (const { next, row } of batch.rollouts) {
      if (next?.do !== 'decide') continue;
      await this.inTurn(row.id, () => this.#follow(batch, batch.of(row.id)));
    }
  }

  async #decide(
    batch: LiveBatch,
    attempt: AttemptRow | undefined,
    kind: AttemptClose['class'],
    decision: RolloutDecision,
    id: RolloutId | undefined = attempt?.rollout,
  ): Promise<LiveRollout> {
    const { store, clock, directory, observer } = this.#options;
    if (id === undefined) throw new TypeError('a decision without a rollout');
    await this.#endModel(attempt);
    const { reason } = decision;
    const { position } = batch.of(id).row;
    // Asked for together, they share a commit. A crash between them is harmless: the rows decide again.
    const writes: Promise<unknown>[] = [
      store.decideRollout(id, decision),
      this.settle(batch, { kind: 'rollout', position }),
    ];
    if (attempt !== undefined && attempt.close === undefined) {
      writes.push(store.closeAttempt(attempt.id, { class: kind, reason, closedAt: clock.now() }));
      observer.attemptClosed(kind, reason);
    }
    await Promise.all(writes);
    observer.rolloutDecided(decision);
    return await directory.refresh(batch, id);
  }

  /** Of an attempt that nobody ended: its agent may be asking still, and nothing else would stop that. */
  async #endModel(attempt: AttemptRow | undefined): Promise<void> {
    if (attempt === undefined || isAttemptOver(attempt)) return;
    await this.#options.endModel(attempt.id);
  }

  /** Beside exit 0, a kill for memory was that of a tool's child (design: rollouts.md 5). */
  async #withEvidence(attempt: AttemptRow, decision: RolloutDecision): Promise<RolloutDecision> {
    const podUid = podUidOf(attempt);
    const known = decision.findings.some(({ code }) => code === 'ChildKilledForMemory');
    if (podUid === undefined || known || attempt.end === undefined) return decision;
    const evidence = await this.#options.store.getEvidence(podUid);
    const agent = evidence?.containers.find(({ name }) => name === 'agent')?.terminated;
    if (agent?.reason !== 'OOMKilled' || agent.exitCode !== 0) return decision;
    const message = 'a process of the agent was killed for the memory limit';
    return {
      ...decision,
      findings: [...decision.findings, { code: 'ChildKilledForMemory', message }],
    };
  }
}
