import type { Clock } from '../base/clock.ts';
import { ClawError, errorMessage, toClawError } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import type { CallRow, RecordStore } from '../store/records.ts';
import { answerMeter, isEventStream } from './answer-meter.ts';
import { AnswerSpool, SPOOL_DEFAULTS } from './answer-spool.ts';
import { type Backoff, backoffMs, UPSTREAM_BACKOFF } from './backoff.ts';
import { budgetEnd, type CallEnd, giveUpEnd, passOnRefusal } from './call-end.ts';
import type { ChatRequest } from './chat-request.ts';
import { isLasting, isTransient, otherForm } from './is-transient.ts';
import { errorFrame, openAiError } from './openai-error.ts';
import { recordCall } from './record-call.ts';
import type { BudgetEnd, GatewaySession } from './session.ts';
import type { UpstreamResponse } from './upstream.ts';

export interface CallLimits {
  /** A call is given up after so many seconds, retries included. */
  readonly callSeconds: number;
  /** A stream without a byte for so long counts as broken. */
  readonly idleSeconds: number;
  /** A call that nobody reads goes on for so long: the link may come back for it. */
  readonly detachSeconds: number;
}

export const CALL_LIMITS: CallLimits = { callSeconds: 900, idleSeconds: 300, detachSeconds: 120 };

export interface CallContext {
  readonly records: RecordStore;
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly limits: CallLimits;
  /** Folder for answers that outgrow memory. */
  readonly spoolDir: string;
  readonly backoff?: Backoff;
}

export interface CallAsk {
  readonly session: GatewaySession;
  readonly row: CallRow;
  /** For the upstream (see `upstreamBody`). */
  readonly body: Uint8Array;
  readonly request: ChatRequest;
  readonly accept: string | undefined;
}

export interface AnswerHead {
  readonly status: number;
  readonly contentType: string;
}

/** Why a call was stopped from outside. */
type Stop = 'cancelled' | 'shutdown' | 'deadline' | 'budget';

/**
 * One model call, from the upstream's first byte to the durable record. It runs on its own: readers
 * come, go and come back (the link re-sends an id after a lost connection), and all of them see the
 * same bytes. The end of the answer is shown only when the record is durable.
 */
export class CallRun {
  readonly ask: CallAsk;
  /** Resolves when status and type are known; rejects where the gateway itself failed. */
  readonly head: Promise<AnswerHead>;
  /** Settles when the call is recorded or given up; never rejects. */
  readonly done: Promise<void>;
  readonly #context: CallContext;
  readonly #spool: AnswerSpool;
  readonly #head = Promise.withResolvers<AnswerHead>();
  readonly #stop = new AbortController();
  #stopReason: Stop | undefined;
  #readers = 0;
  #detached: AbortController | undefined;
  #finished = false;
  /** Monotonic milliseconds at the first try. */
  #sentAt = 0;

  constructor(ask: CallAsk, context: CallContext) {
    this.ask = ask;
    this.#context = context;
    this.#spool = new AnswerSpool({ dir: context.spoolDir, ...SPOOL_DEFAULTS });
    this.head = this.#head.promise;
    // Nobody may be waiting for the head; its failure is also logged.
    this.head.catch(() => undefined);
    this.done = this.#run();
  }

  /** True once the spool may be gone: the answer is then read from the record. */
  get finished(): boolean {
    return this.#finished;
  }

  /** The answer from its first byte. `signal` must abort when the reader is gone or served. */
  join(signal: AbortSignal): AsyncIterable<Uint8Array> {
    this.#readers += 1;
    this.#detached?.abort();
    this.#detached = undefined;
    signal.addEventListener('abort', () => this.#leave(), { once: true });
    if (signal.aborted) this.#leave();
    return this.#spool.read(signal);
  }

  /** The agent gave up: the upstream is stopped and the call recorded as aborted. */
  cancel(): void {
    this.#halt('cancelled');
  }

  /** This process ends: nothing is recorded, a repeat of the id asks again. */
  abandon(): void {
    this.#halt('shutdown');
  }

  #halt(reason: Stop): void {
    this.#stopReason ??= reason;
    this.#stop.abort(new ClawError('Cancelled', `model call stopped: ${reason}`));
  }

  #leave(): void {
    this.#readers -= 1;
    if (this.#readers > 0) return;
    if (this.#finished) {
      void this.#spool.dispose();
      return;
    }
    this.#detached = new AbortController();
    this.#haltAfter('cancelled', this.#context.limits.detachSeconds * 1000, this.#detached.signal);
  }

  #haltAfter(reason: Stop, ms: number, signal: AbortSignal): void {
    this.#context.clock.sleep(ms, signal).then(
      () => this.#halt(reason),
      () => undefined,
    );
  }

  async #run(): Promise<void> {
    const timers = new AbortController();
    try {
      const end = await this.#answer(timers.signal);
      await recordCall(this.ask.row, this.#spool, end, this.#context);
      this.ask.session.addUsage(end);
      this.#head.resolve(end);
      this.#spool.finish();
    } catch (thrown) {
      const { callId } = this.ask.row;
      this.#context.logger.error(
        { callId, error: errorMessage(thrown) },
        'model call was not recorded',
      );
      this.#head.reject(thrown);
      this.#spool.fail(toClawError(thrown));
    } finally {
      timers.abort();
      this.ask.session.outages.ended(this.ask.row.callId);
      this.#finished = true;
      this.#detached?.abort();
      if (this.#readers === 0) await this.#spool.dispose();
    }
  }

  async #answer(timers: AbortSignal): Promise<CallEnd> {
    const { session, row } = this.ask;
    const { clock, limits } = this.#context;
    const over = session.overBudget(row.sequence, clock.monotonic());
    if (over !== undefined) return this.#endBudget(over);
    this.#sentAt = clock.monotonic();
    this.#haltAfter('deadline', limits.callSeconds * 1000, timers);
    this.#watchBudget(timers);
    for (let failures = 1; ; failures += 1) {
      let lastFailure: string;
      try {
        return await this.#tryOnce();
      } catch (thrown) {
        const end = await this.#endAfter(thrown);
        if (end !== undefined) return end;
        const { callId } = row;
        lastFailure = errorMessage(thrown);
        this.#context.logger.warn(
          { callId, failures, error: lastFailure },
          'answer broke off, asking again',
        );
      }
      const backoff = this.#context.backoff ?? UPSTREAM_BACKOFF;
      const pause = backoffMs(backoff, failures, this.#context.random());
      this.#noteFailure(lastFailure, pause);
      // A stop during the pause is seen by the next try.
      await clock.sleep(pause, this.#stop.signal).catch(() => undefined);
    }
  }

  /** The time budget ends a call that has shown nothing yet; an answer that runs is let finish. */
  #watchBudget(timers: AbortSignal): void {
    const { clock } = this.#context;
    const left = this.ask.session.remainingMs(clock.monotonic());
    if (left > this.#context.limits.callSeconds * 1000) return;
    clock.sleep(left, timers).then(
      () => {
        if (this.#spool.released === 0) this.#halt('budget');
      },
      () => undefined,
    );
  }

  async #tryOnce(): Promise<CallEnd> {
    const { session, body, accept } = this.ask;
    this.#spool.reset();
    const broken = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, broken.signal]);
    signal.throwIfAborted();
    const ask = {
      body,
      accept: accept ?? 'application/json',
      onRetry: (reason: string, pauseMs: number) => this.#noteFailure(reason, pauseMs),
    };
    const response = await session.upstream.chat(ask, signal);
    if (response.status >= 200 && response.status < 300) return await this.#copy(response, broken);
    this.#noteAnswer();
    return await passOnRefusal(response, session, this.#spool);
  }

  #noteFailure(reason: string, pauseMs: number): void {
    const { session, row } = this.ask;
    const failedAt = this.#context.clock.monotonic();
    const until = failedAt + pauseMs;
    session.outages.failed(row.callId, { since: this.#sentAt, failedAt, until, reason });
  }

  #noteAnswer(): void {
    this.ask.session.outages.answered(this.ask.row.callId, this.#sentAt);
  }

  async #copy(response: UpstreamResponse, broken: AbortController): Promise<CallEnd> {
    const contentType = response.headers['content-type'] ?? 'application/json';
    const head = { status: response.status, contentType };
    const meter = answerMeter(contentType);
    const streamed = isEventStream(contentType);
    const asAsked = streamed === (this.ask.request.stream === true);
    const watchdog = this.#watchIdle(streamed, broken);
    try {
      for await (const chunk of response.body) {
        watchdog.touch();
        await this.#spool.append(chunk);
        meter.feed(chunk);
        if (meter.fault !== undefined) break;
        if (meter.ending || !asAsked) continue;
        if (this.#spool.released === 0) this.#noteAnswer();
        this.#spool.release();
        this.#head.resolve(head);
      }
    } finally {
      watchdog.end();
    }
    meter.end();
    if (meter.fault !== undefined) throw this.#brokenAnswer(meter.fault);
    if (!asAsked) throw otherForm(streamed);
    if (this.#spool.released === 0) this.#noteAnswer();
    return {
      ...head,
      result: 'complete',
      inputTokens: meter.inputTokens,
      outputTokens: meter.outputTokens,
      tokens: response.tokens,
    };
  }

  /** The words may be the endpoint's own, which may quote the key that it was sent. */
  #brokenAnswer(fault: string): ClawError {
    const said = this.ask.session.upstream.redact?.(fault) ?? fault;
    return new ClawError('UpstreamFailed', said, { retryable: true });
  }

  #watchIdle(streaming: boolean, broken: AbortController): { touch(): void; end(): void } {
    const { clock, limits } = this.#context;
    const over = new AbortController();
    let last = clock.monotonic();
    const watch = async (): Promise<void> => {
      const limit = limits.idleSeconds * 1000;
      for (let left = limit; left > 0; left = last + limit - clock.monotonic()) {
        await clock.sleep(left, over.signal);
      }
      broken.abort(
        new ClawError('UpstreamFailed', `no byte for ${limits.idleSeconds} s`, { retryable: true }),
      );
    };
    if (streaming) watch().catch(() => undefined);
    return {
      touch: () => {
        last = clock.monotonic();
      },
      end: () => over.abort(),
    };
  }

  /** What a failed try means: an end, or undefined to try again. */
  async #endAfter(thrown: unknown): Promise<CallEnd | undefined> {
    const { session, row } = this.ask;
    if (this.#stopReason === 'shutdown') throw thrown;
    const now = this.#context.clock.monotonic();
    const trouble = session.outages.during(row.callId, now);
    // What the endpoint said last tells more than that the call was stopped.
    const waited = trouble !== undefined && thrown === this.#stop.signal.reason;
    const cause = waited ? new ClawError('UpstreamFailed', trouble.reason) : thrown;
    if (this.#stopReason !== undefined) session.outages.stopped(row.callId, now);
    if (this.#stopReason === 'cancelled') {
      this.#spool.rewind();
      return {
        ...(await this.#headSoFar()),
        result: 'aborted',
        inputTokens: undefined,
        outputTokens: undefined,
      };
    }
    if (this.#stopReason === 'budget' && trouble !== undefined) {
      // The endpoint used the rest of the budget up, not the agent.
      session.failUpstream(errorMessage(cause));
      return await giveUpEnd(cause, this.#spool);
    }
    if (this.#stopReason === 'budget') {
      const limit = session.budgets.seconds;
      return this.#endBudget({ budget: 'seconds', limit, used: limit });
    }
    const tooLarge = thrown instanceof ClawError && thrown.code === 'TooLarge';
    const begun = this.#spool.released > 0;
    if (!begun && !tooLarge && this.#stopReason === undefined) {
      if (isTransient(thrown)) return undefined;
      if (!isLasting(thrown)) throw thrown;
    }
    // What is too long, still flows at its deadline, or fails alone, is what the agent asked for.
    const own = this.#stopReason === 'deadline' && (begun || trouble === undefined);
    if (!tooLarge && !own) session.failUpstream(errorMessage(cause));
    if (!begun) return await giveUpEnd(cause, this.#spool);
    // What was not shown yet goes: the frame must follow what the agent has seen.
    this.#spool.rewind();
    await this.#spool.append(
      errorFrame(openAiError(502, 'upstream_failed', 'The model endpoint broke off its answer.')),
    );
    return {
      ...(await this.#headSoFar()),
      result: 'error',
      inputTokens: undefined,
      outputTokens: undefined,
    };
  }

  async #headSoFar(): Promise<AnswerHead> {
    // 499 is what nginx logs for a client that went away before an answer.
    return this.#spool.released > 0
      ? await this.head
      : { status: 499, contentType: 'application/json' };
  }

  async #endBudget(over: BudgetEnd): Promise<CallEnd> {
    this.ask.session.endBudget(over);
    this.#spool.reset();
    return await budgetEnd(over, this.ask, this.#spool, this.#context.clock.now());
  }
}
