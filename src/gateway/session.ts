import type { AttemptId, Sha256 } from '../base/brand.ts';
import type { CallFinish } from '../store/records.ts';
import type { FixedSampling } from './chat-request.ts';
import { OutageWatch } from './outage.ts';
import type { Upstream } from './upstream.ts';
import type { AttemptUsage } from './usage.ts';

/**
 * What an attempt may use. A used-up budget ends the episode between turns: the next call gets a
 * final text. Tokens are those that the upstream reports.
 */
export interface SessionBudgets {
  /** Calls that may reach the upstream. */
  readonly turns: number;
  readonly totalTokens: number;
  /** Wall-clock seconds from the opening of the session. */
  readonly seconds: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
}

export interface BudgetEnd {
  readonly budget: keyof SessionBudgets;
  readonly limit: number;
  readonly used: number;
}

export interface SessionOptions {
  readonly attempt: AttemptId;
  /** SHA-256 of the bearer; the bearer itself is never kept. */
  readonly bearerHash: Sha256;
  readonly upstream: Upstream;
  /** The one model name that the agent may ask for. */
  readonly model: string;
  readonly budgets: SessionBudgets;
  readonly sampling?: FixedSampling | undefined;
  /** Monotonic milliseconds. */
  readonly openedAt: number;
  /** What earlier calls of the same attempt used. */
  readonly used: AttemptUsage;
  /** Told once, where the upstream fails the attempt: a gateway that outlives its process keeps it. */
  readonly onUpstreamFailed?: (reason: string) => void;
}

/** The gateway's side of one attempt: who asks, for which model, and what is left. */
export class GatewaySession {
  readonly attempt: AttemptId;
  readonly bearerHash: Sha256;
  readonly upstream: Upstream;
  readonly model: string;
  readonly budgets: SessionBudgets;
  readonly openedAt: number;
  readonly sampling: FixedSampling | undefined;
  readonly outages = new OutageWatch();
  readonly #onUpstreamFailed: ((reason: string) => void) | undefined;
  #inputTokens: number;
  #outputTokens: number;
  #budgetEnded: BudgetEnd | undefined;
  #upstreamFailed: string | undefined;

  constructor(options: SessionOptions) {
    this.attempt = options.attempt;
    this.bearerHash = options.bearerHash;
    this.upstream = options.upstream;
    this.model = options.model;
    this.budgets = options.budgets;
    this.openedAt = options.openedAt;
    this.sampling = options.sampling;
    this.#onUpstreamFailed = options.onUpstreamFailed;
    this.#inputTokens = options.used.inputTokens;
    this.#outputTokens = options.used.outputTokens;
  }

  /** Set once the gateway has ended the episode; the outcome is then `budget_exhausted`. */
  get budgetEnded(): BudgetEnd | undefined {
    return this.#budgetEnded;
  }

  /** Why the upstream could not serve this attempt, where it could not: not the agent's fault. */
  get upstreamFailed(): string | undefined {
    return this.#upstreamFailed;
  }

  /**
   * The budget that call `sequence` (from 1) would exceed, if any.
   *
   * @param now monotonic milliseconds
   */
  overBudget(sequence: number, now: number): BudgetEnd | undefined {
    if (this.#budgetEnded !== undefined) return this.#budgetEnded;
    const { turns, totalTokens, inputTokens, outputTokens, seconds } = this.budgets;
    const elapsed = (now - this.openedAt) / 1000;
    const total = this.#inputTokens + this.#outputTokens;
    if (sequence > turns) return { budget: 'turns', limit: turns, used: sequence - 1 };
    if (elapsed >= seconds) return { budget: 'seconds', limit: seconds, used: elapsed };
    if (total >= totalTokens) return { budget: 'totalTokens', limit: totalTokens, used: total };
    if (inputTokens !== undefined && this.#inputTokens >= inputTokens) {
      return { budget: 'inputTokens', limit: inputTokens, used: this.#inputTokens };
    }
    if (outputTokens !== undefined && this.#outputTokens >= outputTokens) {
      return { budget: 'outputTokens', limit: outputTokens, used: this.#outputTokens };
    }
    return undefined;
  }

  /** Milliseconds of the time budget that are left; may be negative. */
  remainingMs(now: number): number {
    return this.openedAt + this.budgets.seconds * 1000 - now;
  }

  addUsage(finish: Pick<CallFinish, 'inputTokens' | 'outputTokens'>): void {
    this.#inputTokens += finish.inputTokens ?? 0;
    this.#outputTokens += finish.outputTokens ?? 0;
  }

  /** The first end holds. */
  endBudget(end: BudgetEnd): void {
    this.#budgetEnded ??= end;
  }

  failUpstream(reason: string): void {
    if (this.#upstreamFailed !== undefined) return;
    this.#upstreamFailed = reason;
    this.#onUpstreamFailed?.(reason);
  }

  /**
   * The agent was stopped at its deadline. Where a call was then waiting for a failing endpoint, the
   * time-out is the endpoint's and not the agent's.
   *
   * @param seconds the agent's deadline; its time began with the session or later
   * @param now monotonic milliseconds
   */
  cutAtDeadline(seconds: number, now: number): void {
    const trouble = this.outages.atCut(this.openedAt + seconds * 1000, now);
    if (trouble === undefined) return;
    const lasted = Math.round((now - trouble.since) / 1000);
    this.failUpstream(
      `the agent's time ended while the model endpoint had failed for ${lasted} s: ${trouble.reason}`,
    );
  }
}

/** What the model is said to have answered when a budget is used up. */
export function budgetText(end: BudgetEnd): string {
  const units: Record<keyof SessionBudgets, string> = {
    turns: 'model calls',
    totalTokens: 'tokens',
    inputTokens: 'input tokens',
    outputTokens: 'output tokens',
    seconds: 'seconds',
  };
  return `The budget of ${end.limit} ${units[end.budget]} for this task is used up. The work ends here.`;
}
