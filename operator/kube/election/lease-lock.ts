import type { Clock } from '../base/clock.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../base/kube-error.ts';
import type { CallOptions, ResourceClient } from '../client/resource-client.ts';
import { heldSpec, type Lease, newLease, releasedSpec } from './lease.ts';

/** Outcome of one try to take or to renew the lease. */
export type LockTry =
  | {
      readonly held: true /** Monotonic time at which the write was sent. */;
      readonly sentAt: number;
    }
  | {
      readonly held: false;
      /** Identity of the holder; empty where another candidate was only faster. */
      readonly holder: string;
      /** Whole milliseconds until it may be taken, if the holder is silent from now on. */
      readonly expiresInMs: number;
    };

export interface LeaseLockOptions {
  readonly leases: ResourceClient<Lease>;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly fieldManager: string;
  readonly clock: Clock;
  readonly leaseDurationMs: number;
}

interface Sighting {
  readonly lease: Lease;
  /** Monotonic time at which this version was first seen here: its holder wrote it before that. */
  readonly at: number;
}

/**
 * The lease as a lock that one process at a time holds: taken and renewed by a PUT that names the
 * version it was decided on, so of two candidates one gets `Conflict`. A silent holder is waited for
 * during the whole duration that it has written, counted by the local monotonic clock from the
 * moment at which its newest version was seen here.
 */
export class LeaseLock {
  readonly #options: LeaseLockOptions;
  #seen: Sighting | undefined;
  /** Set before the first write: only then can a lease with our identity be ours. */
  #hasWritten = false;

  constructor(options: LeaseLockOptions) {
    this.#options = options;
  }

  /** Takes the lease where it is free, silent for too long or ours already. Throws KubeError. */
  async acquire(call: CallOptions): Promise<LockTry> {
    const found = await this.#read(call);
    const expiresInMs = this.#expiresInMs();
    const holder = this.#seen?.lease.spec.holderIdentity ?? '';
    const ours = holder === this.#options.identity && this.#hasWritten;
    if (!ours && expiresInMs > 0) return { held: false, holder, expiresInMs };
    try {
      return await this.#write(found, call);
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error)) throw error;
      return { held: false, holder: '', expiresInMs: this.#options.leaseDurationMs };
    }
  }

  /**
   * Renews a lease that this process holds. After a lost answer the version is unknown, and somebody
   * may have edited or deleted the lease: then it is read again, and only a holder other than this
   * process means that the lease is lost. Throws KubeError where that cannot be said yet.
   */
  async renew(call: CallOptions): Promise<LockTry> {
    try {
      return await this.#write(this.#seen?.lease, call);
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
    const found = await this.#read(call);
    const holder = found?.spec.holderIdentity ?? '';
    if (found !== undefined && holder !== this.#options.identity)
      return { held: false, holder, expiresInMs: this.#expiresInMs() };
    return this.#write(found, call);
  }

  /** Writes that nobody holds the lease, if this process does. Throws KubeError. */
  async release(call: CallOptions): Promise<void> {
    try {
      await this.#release(this.#seen?.lease, call);
    } catch (error) {
      if (!isConflict(error)) throw error;
      await this.#release(await this.#read(call), call);
    }
  }

  async #release(lease: Lease | undefined, call: CallOptions): Promise<void> {
    const { leases, clock, identity, fieldManager } = this.#options;
    if (lease?.spec.holderIdentity !== identity) return;
    const released = { ...lease, spec: releasedSpec(lease.spec, clock.now()) };
    await leases.replace(released, { ...call, fieldManager });
  }

  /** The lease now; undefined where there is none. Notes when a version was seen for the first time. */
  async #read(call: CallOptions): Promise<Lease | undefined> {
    const { leases, namespace, name } = this.#options;
    try {
      const lease = await leases.get({ namespace, name }, call);
      this.#note(lease);
      return lease;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #write(previous: Lease | undefined, call: CallOptions): Promise<LockTry> {
    const { leases, namespace, name, identity, leaseDurationMs, clock } = this.#options;
    const write = { ...call, fieldManager: this.#options.fieldManager };
    const spec = heldSpec((previous ?? this.#seen?.lease)?.spec, {
      identity,
      leaseDurationMs,
      nowMs: clock.now(),
    });
    this.#hasWritten = true;
    const sentAt = clock.monotonic();
    this.#note(
      previous === undefined
        ? await leases.create(newLease({ namespace, name }, spec), write)
        : await leases.replace({ ...previous, spec }, write),
    );
    return { held: true, sentAt };
  }

  #note(lease: Lease): void {
    const known = this.#seen?.lease.metadata;
    const { uid, resourceVersion } = lease.metadata;
    if (known?.uid === uid && known?.resourceVersion === resourceVersion) return;
    this.#seen = { lease, at: this.#options.clock.monotonic() };
  }

  /**
   * Zero or less: may be taken. A lease that was deleted is still waited for by those who saw it:
   * its holder may not know yet.
   */
  #expiresInMs(): number {
    if (this.#seen === undefined) return 0;
    const { holderIdentity, leaseDurationSeconds } = this.#seen.lease.spec;
    if (!holderIdentity) return 0;
    const durationMs = (leaseDurationSeconds ?? this.#options.leaseDurationMs / 1000) * 1000;
    return Math.ceil(this.#seen.at + durationMs - this.#options.clock.monotonic());
  }
}
