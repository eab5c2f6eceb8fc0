import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { parseJson } from '../../../src/base/brand.ts';
import { ClawError } from '../../../src/base/error.ts';

/** An object as it is sent; only what names it is typed. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

const zKubeconfig = z.object({
  clusters: z.tuple([
    z.object({
      cluster: z.object({ server: z.string(), 'certificate-authority-data': z.base64() }),
    }),
  ]),
  users: z.tuple([
    z.object({
      user: z.object({ 'client-certificate-data': z.base64(), 'client-key-data': z.base64() }),
    }),
  ]),
});
const zConditions = z.object({
  status: z
    .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) })
    .default({ conditions: [] }),
});
const zStatus = z.object({ message: z.string() });

const FIELD_MANAGER = 'test-cluster';
const REQUEST_MS = 30_000;
const MULTIPLE_CHOICES = 300;
/** Kinds whose plural is not the lower-case kind and an s. */
const PLURALS: Readonly<Record<string, string>> = {
  Endpoints: 'endpoints',
  NetworkPolicy: 'networkpolicies',
  StorageClass: 'storageclasses',
  PriorityClass: 'priorityclasses',
  RolloutBatch: 'rolloutbatches',
};

/** The answer of the API server to a refused request. */
export class ApiRefusal extends ClawError {
  readonly status: number;

  constructor(status: number, what: string, message: string) {
    super('ClusterFailed', `${what}: ${status} ${message}`);
    this.status = status;
  }
}

/**
 * The few calls that set a cluster up and look at it, over one kept connection. Only for kubeconfigs
 * that the test cluster wrote; what is under test speaks through a client of its own.
 */
export class ClusterApi implements AsyncDisposable {
  readonly #server: string;
  readonly #agent: Agent;

  constructor(kubeconfigPath: string) {
    const config = zKubeconfig.parse(parseJson(readFileSync(kubeconfigPath, 'utf8')));
    const { cluster } = config.clusters[0];
    const { user } = config.users[0];
    this.#server = cluster.server;
    this.#agent = new Agent({
      connect: {
        ca: decode(cluster['certificate-authority-data']),
        cert: decode(user['client-certificate-data']),
        key: decode(user['client-key-data']),
      },
    });
  }

  /** GET of a path with its query; the parsed JSON. Fails with `ApiRefusal` where the answer is an error. */
  async get(path: string): Promise<unknown> {
    return parseJson(await this.#call('GET', path));
  }

  /** True where the object of this path has the condition with status True. */
  async hasCondition(path: string, type: string): Promise<boolean> {
    const { conditions } = zConditions.parse(await this.get(path)).status;
    return conditions.some((condition) => condition.type === type && condition.status === 'True');
  }

  /** GET of a path whose answer is text, such as logs. */
  async text(path: string): Promise<string> {
    return await this.#call('GET', path);
  }

  /** Server-side apply; the object as the server has it now. */
  async apply(object: Manifest): Promise<unknown> {
    const path = `${objectPath(object)}?fieldManager=${FIELD_MANAGER}&force=true`;
    return parseJson(await this.#call('PATCH', path, object, 'application/apply-patch+yaml'));
  }

  /** All at the same time. */
  async applyAll(objects: readonly Manifest[]): Promise<void> {
    await Promise.all(objects.map((object) => this.apply(object)));
  }

  /** POST to the collection of the object's kind. */
  async create(object: Manifest): Promise<unknown> {
    return parseJson(await this.#call('POST', collectionPath(object), object));
  }

  /** JSON merge patch of an object, or of a subresource where the path names one. */
  async mergePatch(path: string, patch: unknown): Promise<unknown> {
    return parseJson(await this.#call('PATCH', path, patch, 'application/merge-patch+json'));
  }

  /** DELETE with options; no error where nothing is there. */
  async remove(path: string, options: object = {}): Promise<void> {
    try {
      await this.#call('DELETE', path, { apiVersion: 'v1', kind: 'DeleteOptions', ...options });
    } catch (thrown) {
      if (!(thrown instanceof ApiRefusal && thrown.status === 404)) throw thrown;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  async #call(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<string> {
    const answer = await request(`${this.#server}${path}`, {
      method,
      dispatcher: this.#agent,
      headersTimeout: REQUEST_MS,
      bodyTimeout: REQUEST_MS,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': contentType } }),
    });
    const text = await answer.body.text();
    if (answer.statusCode < MULTIPLE_CHOICES) return text;
    throw new ApiRefusal(answer.statusCode, `${method} ${path}`, reason(text));
  }
}

/** Path of an object, for example `/apis/apps/v1/namespaces/x/deployments/y`. */
export function objectPath(object: Manifest): string {
  return `${collectionPath(object)}/${object.metadata.name}`;
}

function collectionPath({ apiVersion, kind, metadata }: Manifest): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${scope}/${PLURALS[kind] ?? `${kind.toLowerCase()}s`}`;
}

function reason(text: string): string {
  try {
    return zStatus.parse(parseJson(text)).message;
  } catch {
    return text;
  }
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
