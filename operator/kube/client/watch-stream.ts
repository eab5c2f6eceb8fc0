import { setImmediate as nextTurn } from 'node:timers/promises';
import { KubeError } from '../base/kube-error.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { type Resource, resourcePath } from '../objects/resource.ts';
import { LineSplitter } from './json-lines.ts';
import { isRecord, parseOrTell, textOf } from './raw-object.ts';
import type { RequestMetrics } from './request-metrics.ts';
import type { Selection, WatchEvent, WatchOptions } from './resource-client.ts';
import { errorOfStatus, zStatus } from './status-object.ts';
import type { KubeRequest, Transport } from './transport.ts';

/** Events after which the event loop gets a turn: a burst of them must not stall everything else. */
const EVENTS_PER_TURN = 100;

/**
 * The events of one watch, in order. Ends when the server ends it or, once the answer has begun, the
 * signal aborts. Leaving the loop frees the stream. Bookmarks are asked for.
 */
export async function* watchEvents<T extends KubeObject>(
  { transport, metrics }: { readonly transport: Transport; readonly metrics: RequestMetrics },
  resource: Resource<T>,
  selection: Selection,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>> {
  const request = watchRequest(resource, selection, options);
  const splitter = new LineSplitter();
  let events = 0;
  for await (const chunk of await transport.stream(request)) {
    for (const line of linesOf(splitter, chunk, resource, metrics)) {
      if (options.signal.aborted) return;
      const event = readEvent(resource, readLine(line, resource, metrics), (invalid) => {
        metrics.invalidObject(resource.plural);
        if (options.onInvalid === undefined) throw invalid.error;
        options.onInvalid(invalid);
      });
      if (event !== undefined) yield event;
      events += 1;
      if (events % EVENTS_PER_TURN === 0) await nextTurn();
    }
  }
  if (splitter.heldBytes > 0 && !options.signal.aborted)
    throw badLine(resource, metrics, `the stream ended inside a line`);
}

function watchRequest(
  resource: Resource<KubeObject>,
  selection: Selection,
  options: WatchOptions,
): KubeRequest {
  return {
    method: 'GET',
    path: resourcePath(resource, { namespace: selection.namespace }),
    query: {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: String(options.serverTimeoutSeconds),
      labelSelector: selection.labelSelector,
      fieldSelector: selection.fieldSelector,
    },
    verb: 'watch',
    resource: resource.plural,
    signal: options.signal,
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  };
}

function linesOf(
  splitter: LineSplitter,
  chunk: Uint8Array,
  resource: Resource<KubeObject>,
  metrics: RequestMetrics,
): readonly string[] {
  try {
    return splitter.push(chunk);
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    throw badLine(resource, metrics, thrown.message);
  }
}

function readLine(
  line: string,
  resource: Resource<KubeObject>,
  metrics: RequestMetrics,
): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (isRecord(value)) return value;
  } catch {
    // Told below, without the line: it may hold the data of a Secret.
  }
  throw badLine(resource, metrics, 'a line is not a JSON object');
}

function readEvent<T extends KubeObject>(
  resource: Resource<T>,
  line: Readonly<Record<string, unknown>>,
  tellInvalid: NonNullable<WatchOptions['onInvalid']>,
): WatchEvent<T> | undefined {
  const { type, object } = line;
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') {
    const parsed = parseOrTell(resource, object, type);
    if ('object' in parsed) return { type, object: parsed.object };
    tellInvalid(parsed.invalid);
    return undefined;
  }
  if (type === 'BOOKMARK') return readBookmark(resource, object);
  const status = zStatus.safeParse(object);
  if (type === 'ERROR' && status.success)
    throw errorOfStatus(status.data, {
      place: `watch ${resource.plural}`,
      httpStatus: 500,
      retryAfterMs: undefined,
    });
  throw new KubeError(
    'InvalidAnswer',
    `watch ${resource.plural}: an event of the unknown type ${JSON.stringify(type)}`,
    { retryable: true },
  );
}

function readBookmark(resource: Resource<KubeObject>, object: unknown): WatchEvent<never> {
  const metadata = isRecord(object) && isRecord(object['metadata']) ? object['metadata'] : {};
  const annotations = isRecord(metadata['annotations']) ? metadata['annotations'] : {};
  const resourceVersion = textOf(metadata['resourceVersion']);
  if (resourceVersion === undefined)
    throw new KubeError(
      'InvalidAnswer',
      `watch ${resource.plural}: a bookmark without resourceVersion`,
      { retryable: true },
    );
  return {
    type: 'BOOKMARK',
    resourceVersion,
    initialEventsEnd: annotations['k8s.io/initial-events-end'] === 'true',
  };
}

function badLine(
  resource: Resource<KubeObject>,
  metrics: RequestMetrics,
  problem: string,
): KubeError {
  metrics.badLine(resource.plural);
  return new KubeError('InvalidAnswer', `watch ${resource.plural}: ${problem}`, {
    retryable: true,
  });
}
