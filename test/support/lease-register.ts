import { KubeError } from '../../operator/kube/base/kube-error.ts';
import type { CallOptions, ResourceClient } from '../../operator/kube/client/resource-client.ts';
import { type Lease, leases, zLease } from '../../operator/kube/election/lease.ts';
import type { SimHost, Simulation } from './simulation.ts';

/** What the network does to one call, in true milliseconds. */
export interface CallFate {
  readonly requestMs?: number;
  readonly answerMs?: number;
  /** The request never arrives, or it has its effect and the answer never arrives. */
  readonly lost?: 'request' | 'answer';
  /** The answer instead of the register's own, without effect. */
  readonly fails?: KubeError;
}

const zNewLease = zLease.pick({ metadata: true, spec: true });

export type Network = (verb: 'get' | 'create' | 'replace') => CallFate;

const unused = (): Promise<never> =>
  Promise.reject(new Error('leader election has no use for this call'));

/**
 * One Lease behind a network: each write takes effect at one moment, and only where it names the
 * newest version. The rules of the API server that leader election relies on, and no others.
 */
export class LeaseRegister {
  lease: Lease | undefined;
  readonly #simulation: Simulation;
  #version = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  get holder(): string | undefined {
    return this.lease?.spec.holderIdentity ?? undefined;
  }

  /** An edit by hand. */
  edit(spec: Partial<Lease['spec']>): void {
    if (this.lease === undefined) throw new Error('there is no lease');
    this.#store({ ...this.lease, spec: { ...this.lease.spec, ...spec } });
  }

  client(host: SimHost, network: Network = () => ({})): ResourceClient<Lease> {
    const call = <T>(verb: 'get' | 'create' | 'replace', options: CallOptions, effect: () => T) =>
      this.#call(host, network(verb), options, effect);
    return {
      resource: leases,
      get: (_key, options) => call('get', options, () => this.#present()),
      create: (lease, options) =>
        call('create', options, () => {
          if (this.lease !== undefined) throw refusal('AlreadyExists', 409);
          return this.#store(created(lease, `uid-${this.#version}`));
        }),
      replace: (lease, options) =>
        call('replace', options, () => {
          const { resourceVersion } = this.#present().metadata;
          if (resourceVersion !== lease.metadata.resourceVersion) throw refusal('Conflict', 409);
          return this.#store(lease);
        }),
      list: unused,
      apply: unused,
      applyStatus: unused,
      patch: unused,
      delete: unused,
      pages: () => {
        throw new Error('leader election does not list');
      },
      watch: () => {
        throw new Error('leader election does not watch');
      },
    };
  }

  #present(): Lease {
    if (this.lease === undefined) throw refusal('NotFound', 404);
    return this.lease;
  }

  #store(lease: Lease): Lease {
    this.#version += 1;
    const metadata = { ...lease.metadata, resourceVersion: String(this.#version) };
    this.lease = { ...lease, metadata };
    return this.lease;
  }

  #call<T>(host: SimHost, fate: CallFate, call: CallOptions, effect: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const answer = (deliver: () => void): void => {
      if (fate.lost !== 'answer') host.at(this.#simulation.now + (fate.answerMs ?? 0), deliver);
    };
    if (fate.lost !== 'request')
      this.#simulation.at(this.#simulation.now + (fate.requestMs ?? 0), () => {
        try {
          if (fate.fails !== undefined) throw fate.fails;
          const result = effect();
          answer(() => resolve(result));
        } catch (error) {
          answer(() => reject(error));
        }
      });
    host.sleep(call.timeoutMs ?? 60_000, call.signal).then(
      () => reject(new KubeError('RequestTimeout', 'no answer', { retryable: true })),
      () => reject(new KubeError('Aborted', 'the caller ended the call')),
    );
    return promise;
  }
}

function created(lease: unknown, uid: string): Lease {
  const { metadata, spec } = zNewLease.parse(lease);
  const head = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
  return leases.parse({ ...head, metadata: { ...metadata, uid }, spec });
}

function refusal(code: string, httpStatus: number): KubeError {
  return new KubeError(code, `the register answers ${code}`, { httpStatus });
}
