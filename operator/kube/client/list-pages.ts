import { setImmediate as nextTurn } from 'node:timers/promises';
import { KubeError } from '../base/kube-error.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { type Resource, resourcePath } from '../objects/resource.ts';
import { isRecord, parseOrTell, textOf } from './raw-object.ts';
import type { RequestMetrics } from './request-metrics.ts';
import type { ListPage, ObjectList, PageOptions, Selection } from './resource-client.ts';
import type { KubeRequest, Transport } from './transport.ts';

/** One page of 2 KB objects parses in well under 50 ms. */
const DEFAULT_LIMIT = 500;

/**
 * The pages of one consistent list. All have the version of the first; the server gives 410
 * (`Expired`) for a page that comes later than its history reaches: begin again. Between pages the
 * event loop runs. With `resourceVersion: '0'` older servers ignore the limit and send one page.
 */
export async function* listPages<T extends KubeObject>(
  { transport, metrics }: { readonly transport: Transport; readonly metrics: RequestMetrics },
  resource: Resource<T>,
  selection: Selection,
  options: PageOptions,
): AsyncGenerator<ListPage<T>> {
  let next: string | undefined;
  do {
    if (next !== undefined) await nextTurn();
    const raw = await transport.request(pageRequest(resource, selection, options, next));
    const page = readPage(resource, raw);
    const items: T[] = [];
    for (const item of page.items) {
      const parsed = parseOrTell(resource, item, undefined);
      if ('object' in parsed) items.push(parsed.object);
      else {
        metrics.invalidObject(resource.plural);
        if (options.onInvalid === undefined) throw parsed.invalid.error;
        options.onInvalid(parsed.invalid);
      }
    }
    yield { items, resourceVersion: page.resourceVersion, remaining: page.remaining };
    next = page.next;
  } while (next !== undefined);
}

/** All pages as one list. */
export async function collectPages<T>(pages: AsyncIterable<ListPage<T>>): Promise<ObjectList<T>> {
  const items: T[] = [];
  let resourceVersion: string | undefined;
  for await (const page of pages) {
    for (const item of page.items) items.push(item);
    resourceVersion ??= page.resourceVersion;
  }
  return { items, resourceVersion: resourceVersion ?? '' };
}

function pageRequest(
  resource: Resource<KubeObject>,
  selection: Selection,
  options: PageOptions,
  next: string | undefined,
): KubeRequest {
  const { resourceVersion, signal, timeoutMs } = options;
  const first = next === undefined ? resourceVersion : undefined;
  return {
    method: 'GET',
    path: resourcePath(resource, { namespace: selection.namespace }),
    query: {
      limit: String(options.limit ?? DEFAULT_LIMIT),
      continue: next,
      resourceVersion: first,
      // Without it a page at a version means exactly that version, which may be compacted.
      resourceVersionMatch: first === undefined ? undefined : 'NotOlderThan',
      labelSelector: selection.labelSelector,
      fieldSelector: selection.fieldSelector,
    },
    verb: 'list',
    resource: resource.plural,
    signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}

function readPage(resource: Resource<KubeObject>, raw: unknown) {
  const metadata = isRecord(raw) && isRecord(raw['metadata']) ? raw['metadata'] : {};
  // An empty list of Go may be null.
  const items = isRecord(raw) ? (raw['items'] ?? []) : undefined;
  const resourceVersion = textOf(metadata['resourceVersion']);
  if (!Array.isArray(items) || resourceVersion === undefined)
    throw new KubeError(
      'InvalidAnswer',
      `list ${resource.plural}: the answer is no list: items and metadata.resourceVersion were expected`,
      { retryable: true },
    );
  const list: readonly unknown[] = items;
  const next = textOf(metadata['continue']);
  const remaining = metadata['remainingItemCount'];
  return {
    items: list,
    resourceVersion,
    next: next === '' ? undefined : next,
    remaining: typeof remaining === 'number' ? remaining : undefined,
  };
}
