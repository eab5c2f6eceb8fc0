import { z } from 'zod';
import { isAlreadyExists, isConflict, isNotFound } from '../../../operator/kube/base/kube-error.ts';
import type { ResourceClient } from '../../../operator/kube/client/resource-client.ts';
import type { KubeClient } from '../../../operator/kube/client/typed-client.ts';
import { zKubeObject } from '../../../operator/kube/objects/kube-object.ts';
import type { ObjectKey } from '../../../operator/kube/objects/object-key.ts';
import { defineResource } from '../../../operator/kube/objects/resource.ts';
import type { KeptSecret, SecretState } from '../kept-secret.ts';
import type { SecretReader, SecretValue } from '../upstreams/secret-upstreams.ts';
import { clusterError } from './cluster-error.ts';

const zSecret = zKubeObject.extend({
  type: z.string().optional(),
  /** Base64. */
  data: z.record(z.string(), z.string()).nullish(),
});
type Secret = z.infer<typeof zSecret>;

const secrets = defineResource({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
  schema: zSecret,
});

const FIELD_MANAGER = 'clawgym-server';
const TIMEOUT_MS = 10_000;

/** Secrets of users, one by one and by name. */
export class KubeSecretReader implements SecretReader {
  readonly #secrets: ResourceClient<Secret>;
  readonly #signal: AbortSignal;

  /** @param signal ends calls when the server ends */
  constructor(client: KubeClient, signal: AbortSignal) {
    this.#secrets = client.for(secrets);
    this.#signal = signal;
  }

  async get(namespace: string, name: string): Promise<SecretValue | undefined> {
    const call = { signal: this.#signal, timeoutMs: TIMEOUT_MS };
    const secret = await getOrNone(this.#secrets, { namespace, name }, call);
    return secret && { type: secret.type ?? 'Opaque', fields: fieldsOf(secret) };
  }
}

/** A Secret of the server's own. */
export class KubeKeptSecret implements KeptSecret {
  readonly #secrets: ResourceClient<Secret>;
  readonly #key: Required<ObjectKey>;

  constructor(client: KubeClient, key: { readonly namespace: string; readonly name: string }) {
    this.#secrets = client.for(secrets);
    this.#key = key;
  }

  async get(signal: AbortSignal): Promise<SecretState | undefined> {
    const secret = await getOrNone(this.#secrets, this.#key, { signal, timeoutMs: TIMEOUT_MS });
    return secret && { fields: fieldsOf(secret), version: secret.metadata.resourceVersion ?? '' };
  }

  async update(
    fields: Readonly<Record<string, string>>,
    version: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const call = { signal, timeoutMs: TIMEOUT_MS };
    try {
      // What people and the chart put on the object stays; only the contents are ours.
      const secret = await this.#secrets.get(this.#key, call);
      const metadata = { ...secret.metadata, resourceVersion: version };
      const written = { ...secret, metadata, data: encoded(fields) };
      await this.#secrets.replace(written, { ...call, fieldManager: FIELD_MANAGER });
      return true;
    } catch (thrown) {
      if (isConflict(thrown) || isNotFound(thrown)) return false;
      throw clusterError(`Secret ${this.#key.namespace}/${this.#key.name} not written`, thrown);
    }
  }

  async create(fields: Readonly<Record<string, string>>, signal: AbortSignal): Promise<boolean> {
    const object = { metadata: { ...this.#key }, type: 'Opaque', data: encoded(fields) };
    try {
      const call = { signal, timeoutMs: TIMEOUT_MS, fieldManager: FIELD_MANAGER };
      await this.#secrets.create(object, call);
      return true;
    } catch (thrown) {
      if (isAlreadyExists(thrown)) return false;
      throw clusterError(`Secret ${this.#key.namespace}/${this.#key.name} not made`, thrown);
    }
  }
}

async function getOrNone(
  client: ResourceClient<Secret>,
  key: ObjectKey,
  call: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<Secret | undefined> {
  try {
    return await client.get(key, call);
  } catch (thrown) {
    if (isNotFound(thrown)) return undefined;
    throw clusterError(`Secret ${key.namespace}/${key.name} could not be read`, thrown);
  }
}

function fieldsOf({ data }: Secret): Record<string, string> {
  const decoded = Object.entries(data ?? {}).map(([name, value]): [string, string] => [
    name,
    Buffer.from(value, 'base64').toString('utf8'),
  ]);
  return Object.fromEntries(decoded);
}

function encoded(fields: Readonly<Record<string, string>>): Record<string, string> {
  const base64 = Object.entries(fields).map(([name, value]): [string, string] => [
    name,
    Buffer.from(value).toString('base64'),
  ]);
  return Object.fromEntries(base64);
}
