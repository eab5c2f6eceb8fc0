import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What the transport and the client tell of themselves. */
export interface RequestMetrics {
  /** An HTTP answer (`code` is its status) or a failure without one (`code` is the KubeError's). */
  answered(call: CallLabels, code: string, seconds: number): void;
  /** The call is sent again: Retry-After or renewed credentials. */
  retried(call: CallLabels, code: string): void;
  /** Requests that are sent and unanswered, or streams that are open. */
  inFlight(kind: 'request' | 'stream', change: 1 | -1): void;
  connection(event: 'opened' | 'closed'): void;
  /** A stream ended inside a line, or a line was no JSON or too long. */
  badLine(resource: string): void;
  /** An object did not fit the schema of its resource. */
  invalidObject(resource: string): void;
}

export interface CallLabels {
  readonly verb: string;
  readonly resource: string;
}

/** For callers that want none. */
export const noRequestMetrics: RequestMetrics = {
  answered: () => undefined,
  retried: () => undefined,
  inFlight: () => undefined,
  connection: () => undefined,
  badLine: () => undefined,
  invalidObject: () => undefined,
};

/** Seconds; client-go's buckets of `rest_client_request_duration_seconds`. */
const LATENCY_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/**
 * Metrics under the names that Go controllers use (`rest_client_*` of client-go), by verb and
 * resource instead of host. Streams count with the time until the head of their answer.
 */
export function createRequestMetrics(registry: Registry): RequestMetrics {
  const registers = [registry];
  const meter = meters(registers);
  return {
    answered: ({ verb, resource }, code, seconds) => {
      meter.requests.inc({ verb, resource, code });
      meter.latency.observe({ verb, resource }, seconds);
    },
    retried: ({ verb, resource }, code) => meter.retries.inc({ verb, resource, code }),
    inFlight: (kind, change) => meter.inFlight.inc({ kind }, change),
    connection: (event) => {
      if (event === 'opened') meter.connections.inc();
      meter.openConnections.inc(event === 'opened' ? 1 : -1);
    },
    badLine: (resource) => meter.badLines.inc({ resource }),
    invalidObject: (resource) => meter.invalidObjects.inc({ resource }),
  };
}

function meters(registers: Registry[]) {
  return {
    requests: new Counter({
      name: 'rest_client_requests_total',
      help: 'Answers of the API server, by verb, resource and HTTP status or error code.',
      labelNames: ['verb', 'resource', 'code'],
      registers,
    }),
    latency: new Histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'Time from a call to its answer, waits between retries included.',
      labelNames: ['verb', 'resource'],
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    retries: new Counter({
      name: 'rest_client_request_retries_total',
      help: 'Calls that were sent again after this HTTP status.',
      labelNames: ['verb', 'resource', 'code'],
      registers,
    }),
    inFlight: new Gauge({
      name: 'rest_client_in_flight',
      help: 'Requests without an answer yet and open streams.',
      labelNames: ['kind'],
      registers,
    }),
    connections: new Counter({
      name: 'rest_client_connections_total',
      help: 'Connections opened to the API server.',
      registers,
    }),
    openConnections: new Gauge({
      name: 'rest_client_open_connections',
      help: 'Connections to the API server that are open now.',
      registers,
    }),
    badLines: new Counter({
      name: 'rest_client_bad_lines_total',
      help: 'Lines of streams that were cut, too long or no JSON.',
      labelNames: ['resource'],
      registers,
    }),
    invalidObjects: new Counter({
      name: 'rest_client_invalid_objects_total',
      help: 'Objects that did not fit the schema of their resource.',
      labelNames: ['resource'],
      registers,
    }),
  };
}
