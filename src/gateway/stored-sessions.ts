import type { AttemptId, Sha256 } from '../base/brand.ts';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import { isAttemptOver } from '../store/attempt-over.ts';
import type { ClaimRow, ClusterRecords } from '../store/cluster-records.ts';
import type { RecordStore } from '../store/records.ts';
import type { FixedSampling } from './chat-request.ts';
import { GatewaySession, type SessionBudgets } from './session.ts';
import type { SessionDirectory } from './session-directory.ts';
import type { Upstream } from './upstream.ts';
import { sumUsage } from './usage.ts';

/** What the stored plan of a batch says about an attempt's model. */
export interface SessionPlan {
  readonly upstream: Upstream;
  readonly model: string;
  readonly budgets: SessionBudgets;
  readonly sampling?: FixedSampling | undefined;
}

export interface StoredSessionsOptions {
  readonly records: Pick<RecordStore, 'getAttempt' | 'listCalls'> &
    Pick<ClusterRecords, 'claimByLink' | 'getModelLoss' | 'putModelLoss' | 'revokeLinks'>;
  /** Reads the plan of the claim's batch. What it throws, the caller may ask again. */
  readonly plan: (claim: ClaimRow) => Promise<SessionPlan>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Sessions of attempts that ended elsewhere are looked for when so many are kept. */
const SWEEP_AT = 1000;

/**
 * Sessions that outlive the process: the store knows the bearers by their hashes, the plan knows
 * budgets and upstream, the call rows know what was used. Every look-up asks the store, so a bearer
 * dies with the claim that gave it and with its attempt, whoever ends that. A session belongs to its
 * attempt: the next claim of the same pod goes on with it.
 */
export class StoredSessions implements SessionDirectory {
  readonly #options: StoredSessionsOptions;
  readonly #byAttempt = new Map<AttemptId, Promise<GatewaySession>>();
  #sweepAt = SWEEP_AT;

  constructor(options: StoredSessionsOptions) {
    this.#options = options;
  }

  async find(bearerHash: Sha256): Promise<GatewaySession | undefined> {
    const { records } = this.#options;
    const claim = await records.claimByLink(bearerHash);
    if (claim?.attempt === undefined) return undefined;
    const attempt = await records.getAttempt(claim.attempt);
    if (attempt === undefined || isAttemptOver(attempt)) {
      this.#byAttempt.delete(claim.attempt);
      return undefined;
    }
    return await this.#sessionOf(claim, claim.attempt);
  }

  /**
   * The attempt's agent is gone: its bearers are worth nothing from here on, and what the endpoint is
   * to blame for is kept. Its calls are the gateway's to stop.
   *
   * @param cutSeconds how long the agent ran, where its deadline ended it
   */
  async end(attempt: AttemptId, cutSeconds?: number): Promise<void> {
    const { records, clock } = this.#options;
    await records.revokeLinks(attempt);
    const session = await this.#byAttempt.get(attempt)?.catch(() => undefined);
    this.#byAttempt.delete(attempt);
    if (session === undefined) return;
    if (cutSeconds !== undefined) session.cutAtDeadline(cutSeconds, clock.monotonic());
    const { upstreamFailed } = session;
    if (upstreamFailed !== undefined) await records.putModelLoss(attempt, upstreamFailed);
  }

  #sessionOf(claim: ClaimRow, attempt: AttemptId): Promise<GatewaySession> {
    const known = this.#byAttempt.get(attempt);
    if (known !== undefined) return known;
    const session = this.#build(claim, attempt);
    this.#byAttempt.set(attempt, session);
    // The next call tries again what failed.
    session.catch(() => {
      if (this.#byAttempt.get(attempt) === session) this.#byAttempt.delete(attempt);
    });
    if (this.#byAttempt.size >= this.#sweepAt) void this.#sweep();
    return session;
  }

  async #build(claim: ClaimRow, attempt: AttemptId): Promise<GatewaySession> {
    const { records, plan, clock, logger } = this.#options;
    const { upstream, model, budgets, sampling } = await plan(claim);
    const rows = await records.listCalls(attempt);
    const session = new GatewaySession({
      attempt,
      bearerHash: claim.linkBearerHash ?? claim.credentialHash,
      upstream,
      model,
      budgets,
      sampling,
      // What passed before a restart counts: the claim remembers when it was, by the other clock.
      openedAt: clock.monotonic() - Math.max(0, clock.now() - claim.createdAt),
      used: sumUsage(rows),
      onUpstreamFailed: (reason) => {
        records.putModelLoss(attempt, reason).catch((thrown: unknown) => {
          logger.warn({ attempt, error: errorMessage(thrown) }, 'a lost model was not stored');
        });
      },
    });
    const lost = await records.getModelLoss(attempt);
    if (lost !== undefined) session.failUpstream(lost);
    return session;
  }

  async #sweep(): Promise<void> {
    this.#sweepAt = Number.POSITIVE_INFINITY;
    try {
      for (const id of this.#byAttempt.keys()) {
        const attempt = await this.#options.records.getAttempt(id);
        if (attempt === undefined || isAttemptOver(attempt)) this.#byAttempt.delete(id);
      }
    } catch (thrown) {
      this.#options.logger.warn({ error: errorMessage(thrown) }, 'ended sessions were not swept');
    } finally {
      this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#byAttempt.size);
    }
  }
}
