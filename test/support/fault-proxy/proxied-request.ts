import type { IncomingHttpHeaders } from 'node:http';

/** One request as rules see it. */
export interface ProxiedRequest {
  /** Counts from 1. */
  readonly number: number;
  /** Counts from 1; requests with the same number came over the same connection. */
  readonly connection: number;
  /** Monotonic milliseconds of its arrival. */
  readonly at: number;
  readonly httpVersion: string;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Plural of the resource, where the path names one. */
  readonly resource: string | undefined;
  readonly verb: 'get' | 'list' | 'watch' | 'write';
}

export type RequestMatch = (request: ProxiedRequest) => boolean;

/** What the path of a request to the API server names. */
export function resourceOf(path: string): {
  readonly resource: string | undefined;
  readonly name: string | undefined;
} {
  const parts = path.split('/').filter((part) => part !== '');
  const rest =
    parts[0] === 'api' ? parts.slice(2) : parts[0] === 'apis' ? parts.slice(3) : undefined;
  if (rest === undefined) return { resource: undefined, name: undefined };
  const own = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest;
  return { resource: own[0], name: own[1] };
}

export function verbOf(
  method: string,
  path: string,
  query: URLSearchParams,
): ProxiedRequest['verb'] {
  if (method !== 'GET') return 'write';
  const watch = query.get('watch');
  if (watch === '1' || watch === 'true') return 'watch';
  const { resource, name } = resourceOf(path);
  return resource !== undefined && name === undefined ? 'list' : 'get';
}

const verbIs =
  (verb: ProxiedRequest['verb']) =>
  (resource?: string): RequestMatch =>
  (request) =>
    request.verb === verb && (resource === undefined || request.resource === resource);

/** Watches, of one resource (its plural) or of all. */
export const watchesOf = verbIs('watch');
export const listsOf = verbIs('list');
/** Everything but GET. */
export const writesOf = verbIs('write');
export const anyRequest: RequestMatch = () => true;
