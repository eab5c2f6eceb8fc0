/** One call's transient failures of the endpoint; times are monotonic milliseconds. */
export interface CallTrouble {
  /** When the call's first try was sent. */
  readonly since: number;
  /** When the first try failed. */
  readonly failedAt: number;
  /** When the present try was or will be sent. */
  readonly until: number;
  /** What the endpoint said last. */
  readonly reason: string;
}

/**
 * Whether calls of one attempt are waiting for an endpoint that fails. Only what the endpoint did
 * counts, never how the agent reacts: hanging up, or waiting for an answer that is slow.
 */
export class OutageWatch {
  readonly #calls = new Map<string, CallTrouble>();
  /** The latest call that was stopped in trouble; earlier ones cannot matter at a later cut. */
  #stopped: { readonly trouble: CallTrouble; readonly at: number } | undefined;
  /** Start of the latest try that was answered: the endpoint served this attempt from then on. */
  #servedFrom = Number.NEGATIVE_INFINITY;

  /** A try of the call failed for the endpoint's reasons; its first failure sets `failedAt`. */
  failed(callId: string, trouble: CallTrouble): void {
    const failedAt = this.#calls.get(callId)?.failedAt ?? trouble.failedAt;
    this.#calls.set(callId, { ...trouble, failedAt });
  }

  /** The endpoint answered a call whose first try was sent at `sentAt`. */
  answered(callId: string, sentAt: number): void {
    const tried = this.#calls.get(callId)?.until ?? sentAt;
    this.#servedFrom = Math.max(this.#servedFrom, tried);
    this.#calls.delete(callId);
  }

  /** The call was stopped from outside at `now`, before the endpoint answered it. */
  stopped(callId: string, now: number): void {
    const trouble = this.during(callId, now);
    this.#calls.delete(callId);
    if (trouble !== undefined) this.#stopped = { trouble, at: now };
  }

  /** The call is over, however it ended. */
  ended(callId: string): void {
    this.#calls.delete(callId);
  }

  /**
   * The failure that the call waits out at `now`, if any. A try that has been waited for longer than
   * all failures before it took is a slow answer, not an outage.
   */
  during(callId: string, now: number): CallTrouble | undefined {
    const trouble = this.#calls.get(callId);
    if (trouble === undefined || !this.#unserved(trouble)) return undefined;
    return now - trouble.until <= trouble.until - trouble.since ? trouble : undefined;
  }

  /**
   * The failure that a call waited out when the attempt was cut at `cut`, asked for at `now`. The end
   * of a sandbox also hangs up its calls, so calls stopped since the cut count; one that the agent
   * gave up before does not.
   */
  atCut(cut: number, now: number): CallTrouble | undefined {
    for (const callId of this.#calls.keys()) {
      const trouble = this.during(callId, now);
      if (trouble !== undefined) return trouble;
    }
    const stopped = this.#stopped;
    if (stopped === undefined || stopped.at < cut) return undefined;
    return this.#unserved(stopped.trouble) ? stopped.trouble : undefined;
  }

  /** An endpoint that answers the attempt's other calls is not out: this one call is the matter. */
  #unserved({ failedAt }: CallTrouble): boolean {
    return failedAt >= this.#servedFrom;
  }
}
