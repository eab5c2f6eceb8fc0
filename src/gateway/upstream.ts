/**
 * What answers the agent's model calls: an OpenAI-compatible endpoint, or a recording. Bytes in,
 * bytes out: nothing is re-serialised on the way, so that the record is what the model saw and said.
 */
export interface Upstream {
  /** For logs and reports; never a key or a full URL. */
  readonly name: string;
  /**
   * True once the endpoint has accepted a call (2xx): its address, key and model name are right, so
   * that a later refusal is about what was asked. Absent: not known.
   */
  readonly answered?: boolean;
  /** The text without the endpoint's key, for logs and records; absent: there is no key. */
  redact?(text: string): string;
  /**
   * Asks for one chat completion. Transient failures (429, 5xx, lost connections) are retried inside
   * until `signal` aborts or `retryMs` have passed; then `UpstreamFailed` is thrown. A returned status
   * is therefore 2xx or one that no retry can change: 3xx, 4xx, and 429 only for used-up credit. The body may still fail while it is read.
   */
  chat(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse>;
}

export interface UpstreamRequest {
  /** The chat completions request, as JSON bytes. */
  readonly body: Uint8Array;
  /** What the client accepts; `application/json` where it did not say. */
  readonly accept: string;
  /** Milliseconds from the first try after which a failure is final; absent: the signal alone says. */
  readonly retryMs?: number;
  /** Told of each transient failure of the endpoint, and of the milliseconds until the next try. */
  readonly onRetry?: (reason: string, pauseMs: number) => void;
}

export interface UpstreamResponse {
  readonly status: number;
  /** Lower-case names; hop-by-hop fields removed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
  /** A `TokenRecord` as canonical JSON, kept beside the answer; the agent never sees it. */
  readonly tokens?: Uint8Array;
}
