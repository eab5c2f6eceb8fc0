/** What the proxy can do to one request, its answer or its connection. */
export type Fault = RequestFault | BodyFault;

/** Decided when a request comes in. */
export type RequestFault = StatusFault | DelayFault | RefuseFault;

/** Decided while the body of an answer passes, for a watch at the border between two events. */
export type BodyFault = CutFault | LineFault;

/** The proxy answers in the server's place with a Kubernetes `Status`. */
export interface StatusFault {
  readonly kind: 'status';
  readonly status: number;
  /** `Status.reason`; default the usual one of `status`. */
  readonly reason?: string;
  readonly message?: string;
  /** Sends `Retry-After`, in seconds. */
  readonly retryAfterSeconds?: number;
}

/** The request reaches the server only after `ms`. Further rules still apply to it. */
export interface DelayFault {
  readonly kind: 'delay';
  readonly ms: number;
}

/** Every connection is reset and new ones are refused for `forMs`. */
export interface RefuseFault {
  readonly kind: 'refuse';
  readonly forMs: number;
}

/**
 * Where a fault falls. `request`: before the server hears of it. `answer`: the server has done the
 * work, but the head of its answer is withheld. The others count from the moment at which the rule
 * and the answer first met: after `events` whole lines or `bytes` (once an answer), before each
 * event with the probability `chance`, or before each event for which `before` is true.
 * The default is `{ events: 0 }`: at once, after the head.
 */
export type Position = EarlyPosition | BodyPosition;
export type EarlyPosition = 'request' | 'answer';
export type BodyPosition =
  | { readonly events: number }
  | { readonly bytes: number }
  | { readonly chance: number }
  | { readonly before: (line: string) => boolean };

/** `stream`: this request only. `connection`: with all else that runs on its connection. */
export type Scope = 'stream' | 'connection';

export type CutFault =
  | {
      /** Default scope `connection`: the TCP connection is reset. */
      readonly kind: 'reset';
      readonly scope?: Scope;
      readonly when?: Position;
    }
  | {
      /**
       * Bytes stop, the socket stays open; after `forMs` they go on, without it never. Default
       * scope `stream`; with `connection` no byte passes in either direction, pings included.
       */
      readonly kind: 'stall';
      readonly forMs?: number;
      readonly scope?: Scope;
      readonly when?: Position;
    }
  | {
      /** The answer ends as if it were complete: what servers do to a watch at its time limit. */
      readonly kind: 'close';
      readonly when?: BodyPosition;
    }
  | {
      /** As `close`, and the connection is asked to end: GOAWAY of HTTP/2. */
      readonly kind: 'goaway';
      readonly when?: BodyPosition;
    };

export type LineFault =
  | {
      /** Half of the next line passes, then the answer ends as if it were complete. */
      readonly kind: 'truncate';
      readonly when?: BodyPosition;
    }
  | {
      /** An ERROR event with this Status is put in, then the answer ends. */
      readonly kind: 'error-event';
      readonly status: number;
      readonly reason?: string;
      readonly message?: string;
      readonly when?: BodyPosition;
    }
  | {
      /** A line that is not JSON is put in, and the answer goes on. */
      readonly kind: 'garbage';
      readonly text?: string;
      readonly when?: BodyPosition;
    }
  | {
      /** The next event passes `copies` times more (default 1). */
      readonly kind: 'duplicate';
      readonly copies?: number;
      readonly when?: BodyPosition;
    }
  | {
      /** The next event is lost. No client can survive the loss of an object: for bookmarks. */
      readonly kind: 'drop';
      readonly when?: BodyPosition;
    };

/** Name under which injections are counted: the kind, with the status code where there is one. */
export function faultName(fault: Fault): string {
  return fault.kind === 'status' || fault.kind === 'error-event'
    ? `${fault.kind}-${fault.status}`
    : fault.kind;
}

export function isBodyFault(fault: Fault): fault is BodyFault {
  return fault.kind !== 'status' && fault.kind !== 'delay' && fault.kind !== 'refuse';
}

/** Position of a fault; 410 and the like have none. */
export function positionOf(fault: BodyFault): Position {
  return fault.when ?? { events: 0 };
}

export function isEarly(position: Position): position is EarlyPosition {
  return typeof position === 'string';
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** The `Status` object that the API server would send. */
export function statusObject(fault: {
  readonly status: number;
  readonly reason?: string;
  readonly message?: string;
  readonly retryAfterSeconds?: number;
}): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: fault.message ?? `injected fault: ${fault.status}`,
    reason: fault.reason ?? REASONS[fault.status] ?? 'Unknown',
    code: fault.status,
    ...(fault.retryAfterSeconds === undefined
      ? {}
      : { details: { retryAfterSeconds: fault.retryAfterSeconds } }),
  };
}
