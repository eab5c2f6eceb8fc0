/**
 * One place for connection pool, authentication, retries that the server asks for, deadlines and
 * request metrics. Everything above speaks to the API server through this interface only, so a
 * wrapper of it can count, delay or fail any call (fault and crash tests do).
 */
export interface Transport extends AsyncDisposable {
  /**
   * One call with a whole JSON answer. Throws KubeError: the Status of a non-2xx answer,
   * `ConnectionFailed`, `RequestTimeout` or `Aborted`.
   */
  request(request: KubeRequest): Promise<unknown>;
  /**
   * One call whose answer is read as it comes (watch, logs). Resolves when the answer's head is
   * there; the iterable throws KubeError when the connection breaks and ends when the server ends
   * it or the signal aborts.
   */
  stream(request: KubeRequest): Promise<AsyncIterable<Uint8Array>>;
}

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path from the server's root, with its leading slash, without query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`; patches name theirs. */
  readonly contentType?: string;
  /** Default `application/json`; few paths answer with JSON under another name only. */
  readonly accept?: string;
  /** Labels of the request metrics, and words of error messages: `get`, `list`, `apply` … */
  readonly verb: string;
  /** Plural of the resource, with its subresource: `pods`, `rolloutbatches/status`. */
  readonly resource: string;
  readonly signal: AbortSignal;
  /** Whole call for `request`, head of the answer for `stream`. Default 60 s. */
  readonly timeoutMs?: number;
  /**
   * Called synchronously right before the bytes of each attempt are handed to the connection: after
   * any wait for a token, for a free connection or for `Retry-After`. Where it throws nothing is
   * sent, and the call fails with what it threw.
   */
  readonly beforeSend?: () => void;
}

/** Requests that change something on the server; a dry run changes nothing. */
export function isWrite(request: KubeRequest): boolean {
  return request.method !== 'GET' && request.query?.['dryRun'] === undefined;
}
