import type { AttemptId, Sha256 } from '../base/brand.ts';
import type { Clock } from '../base/clock.ts';
import { sha256 } from '../base/digest.ts';
import type { RecordStore } from '../store/records.ts';
import type { FixedSampling } from './chat-request.ts';
import { GatewaySession, type SessionBudgets } from './session.ts';
import type { Upstream } from './upstream.ts';
import { sumUsage } from './usage.ts';

/**
 * Finds the session of a bearer. The in-memory one serves a gateway that lives and dies with its
 * engine; one that outlives its process reads hashes, budgets and upstream names from the store.
 */
export interface SessionDirectory {
  find(bearerHash: Sha256): Promise<GatewaySession | undefined>;
}

export interface NewSession {
  readonly attempt: AttemptId;
  /** At least 128 random bits; only its hash is kept. */
  readonly bearer: string;
  readonly upstream: Upstream;
  readonly model: string;
  readonly budgets: SessionBudgets;
  readonly sampling?: FixedSampling | undefined;
}

export class MemorySessionDirectory implements SessionDirectory {
  readonly #records: RecordStore;
  readonly #clock: Clock;
  readonly #byHash = new Map<Sha256, GatewaySession>();

  constructor(records: RecordStore, clock: Clock) {
    this.#records = records;
    this.#clock = clock;
  }

  /** A session for an attempt; an older one of the same attempt dies. Usage is read from the rows. */
  async open(options: NewSession): Promise<GatewaySession> {
    const rows = await this.#records.listCalls(options.attempt);
    const session = new GatewaySession({
      attempt: options.attempt,
      bearerHash: hashBearer(options.bearer),
      upstream: options.upstream,
      model: options.model,
      budgets: options.budgets,
      sampling: options.sampling,
      openedAt: this.#clock.monotonic(),
      used: sumUsage(rows),
    });
    this.revoke(options.attempt);
    this.#byHash.set(session.bearerHash, session);
    return session;
  }

  /** The attempt's bearer is worth nothing from here on. */
  revoke(attempt: AttemptId): void {
    for (const [hash, session] of this.#byHash) {
      if (session.attempt === attempt) this.#byHash.delete(hash);
    }
  }

  async find(bearerHash: Sha256): Promise<GatewaySession | undefined> {
    return this.#byHash.get(bearerHash);
  }
}

/** Bearers are compared by hash, so that the time of a look-up tells nothing about them. */
export function hashBearer(bearer: string): Sha256 {
  return sha256(bearer);
}
