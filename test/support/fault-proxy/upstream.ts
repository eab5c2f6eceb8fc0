import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { dirname, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { load } from 'js-yaml';
import { z } from 'zod';
import { ClawError } from '../../../src/base/error.ts';

/** The server behind the proxy and who the proxy is to it. PEM texts. */
export interface Upstream {
  /** `https://host:port`, or `http://…` for a scripted server. */
  readonly url: string;
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly token?: string;
}

const zKubeconfig = z.looseObject({
  'current-context': z.string(),
  contexts: z.array(
    z.looseObject({
      name: z.string(),
      context: z.looseObject({ cluster: z.string(), user: z.string() }),
    }),
  ),
  clusters: z.array(
    z.looseObject({
      name: z.string(),
      cluster: z.looseObject({
        server: z.string(),
        'certificate-authority': z.string().optional(),
        'certificate-authority-data': z.string().optional(),
      }),
    }),
  ),
  users: z.array(
    z.looseObject({
      name: z.string(),
      user: z.looseObject({
        'client-certificate': z.string().optional(),
        'client-certificate-data': z.string().optional(),
        'client-key': z.string().optional(),
        'client-key-data': z.string().optional(),
        token: z.string().optional(),
      }),
    }),
  ),
});

/** Server and credentials of the current context of a kubeconfig. */
export function upstreamOfKubeconfig(path: string): Upstream {
  const config = zKubeconfig.parse(load(readFileSync(path, 'utf8')));
  const context = config.contexts.find(({ name }) => name === config['current-context'])?.context;
  const cluster = config.clusters.find(({ name }) => name === context?.cluster)?.cluster;
  const user = config.users.find(({ name }) => name === context?.user)?.user;
  if (cluster === undefined || user === undefined)
    throw new ClawError(
      'InvalidInput',
      `${path}: current-context ${config['current-context']} names no known cluster and user`,
    );
  const pem = (file: string | undefined, data: string | undefined): string | undefined => {
    if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
    return file === undefined ? undefined : readFileSync(resolve(dirname(path), file), 'utf8');
  };
  return withoutUndefined({
    url: cluster.server,
    ca: pem(cluster['certificate-authority'], cluster['certificate-authority-data']),
    certificate: pem(user['client-certificate'], user['client-certificate-data']),
    key: pem(user['client-key'], user['client-key-data']),
    token: user.token,
  });
}

/** One call to the server behind the proxy. */
export interface UpstreamCall {
  readonly method: string;
  /** Path with query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Readable;
  readonly signal: AbortSignal;
}

/** Keep-alive connections to the server behind the proxy. */
export class UpstreamClient implements Disposable {
  readonly #url: URL;
  readonly #upstream: Upstream;
  readonly #forward: boolean;
  readonly #agent: HttpAgent | HttpsAgent;

  /** `forward`: the caller's Authorization counts, and the proxy's own credentials do not. */
  constructor(upstream: Upstream, forward: boolean) {
    this.#url = new URL(upstream.url);
    this.#upstream = upstream;
    this.#forward = forward;
    const { ca, certificate: cert, key } = upstream;
    this.#agent =
      this.#url.protocol === 'http:'
        ? new HttpAgent({ keepAlive: true })
        : new HttpsAgent({
            keepAlive: true,
            ...(ca === undefined ? {} : { ca }),
            ...(forward || cert === undefined || key === undefined ? {} : { cert, key }),
          });
  }

  call(call: UpstreamCall): Promise<IncomingMessage> {
    const { promise, resolve: answered, reject } = Promise.withResolvers<IncomingMessage>();
    const open = this.#url.protocol === 'http:' ? httpRequest : httpsRequest;
    const request = open({
      agent: this.#agent,
      host: this.#url.hostname,
      port: this.#url.port || (this.#url.protocol === 'http:' ? 80 : 443),
      method: call.method,
      path: call.target,
      headers: { ...this.#headers(call.headers), host: this.#url.host },
      signal: call.signal,
    });
    request.on('error', reject).on('response', answered);
    call.body.pipe(request);
    return promise;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #headers(headers: UpstreamCall['headers']): UpstreamCall['headers'] {
    if (this.#forward) return headers;
    const { authorization: _theirs, ...rest } = headers;
    const { token } = this.#upstream;
    return token === undefined ? rest : { ...rest, authorization: `Bearer ${token}` };
  }
}

/** A kubeconfig (JSON is YAML) whose one cluster is the proxy. */
export function proxyKubeconfig(server: string, certificate: string, token: string): string {
  const name = 'fault-proxy';
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [
      {
        name,
        cluster: {
          server,
          'certificate-authority-data': Buffer.from(certificate).toString('base64'),
        },
      },
    ],
    users: [{ name, user: { token } }],
  });
}

function withoutUndefined(
  upstream: {
    readonly [Key in keyof Upstream]: Upstream[Key] | undefined;
  },
): Upstream {
  return Object.fromEntries(
    Object.entries(upstream).filter(([, value]) => value !== undefined),
  ) as unknown as Upstream;
}
