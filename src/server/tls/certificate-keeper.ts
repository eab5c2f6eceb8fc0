import type { Sha256 } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import {
  type KeptSecret,
  keepChecking,
  type SecretDecision,
  type SecretState,
  settleSecret,
} from '../kept-secret.ts';
import { firstMaterial, renewed, TLS_LIVES, type TlsLives } from './renewal.ts';
import { bundleOf, readMaterial, secretFields, type TlsMaterial } from './tls-material.ts';

/** What the server shows now. */
export interface PublishedCertificate {
  readonly cert: string;
  readonly key: string;
  /** PEM, old and new authorities together while one replaces the other. */
  readonly caBundle: string;
  readonly caDigest: Sha256;
}

export interface CertificateKeeperOptions {
  /** The one Secret in which the server keeps its certificate. */
  readonly secret: KeptSecret;
  /** DNS names of the certificate. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lives?: TlsLives;
}

const CHECK_EVERY_MS = 3_600_000;

/**
 * Keeps the certificates in their Secret good, so that a restarted server shows the same ones. The
 * Secret is the truth: where another server has written it, that is what is shown.
 */
export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  readonly #listeners = new Set<(published: PublishedCertificate) => void>();
  #current: PublishedCertificate | undefined;

  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
  }

  /** What was read or made last. Throws `Internal` before the first `check`. */
  get current(): PublishedCertificate {
    if (this.#current !== undefined) return this.#current;
    throw new ClawError('Internal', 'the certificates have not been read yet');
  }

  /** Called after each change, not for the first certificate. */
  onChange(listener: (published: PublishedCertificate) => void): void {
    this.#listeners.add(listener);
  }

  /** Reads the Secret, makes or renews what is due, stores it, and tells the listeners. */
  async check(signal: AbortSignal): Promise<PublishedCertificate> {
    const { secret, logger } = this.#options;
    const decide = (state: SecretState | undefined) => this.#decide(state);
    const settled = await settleSecret(secret, 'certificate Secret', decide, signal);
    if (settled.stored) logger.info({}, 'certificates were made or renewed');
    return this.#publish(settled.value);
  }

  /** Checks once an hour until the signal aborts. A failure is logged and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    const check = (end: AbortSignal): Promise<unknown> => this.check(end);
    const failure = 'certificates were not checked';
    await keepChecking({ everyMs: CHECK_EVERY_MS, check, failure, clock, logger }, signal);
  }

  async #decide(state: SecretState | undefined): Promise<SecretDecision<TlsMaterial>> {
    const { names, clock, lives = TLS_LIVES } = this.#options;
    const stored = state === undefined ? undefined : readMaterial(state.fields);
    const now = clock.now();
    const value =
      stored === undefined
        ? await firstMaterial(names, now, lives)
        : await renewed(stored, names, now, lives);
    return value === stored ? { value } : { value, fields: secretFields(value) };
  }

  #publish(material: TlsMaterial): PublishedCertificate {
    const caBundle = bundleOf(material);
    const { certificate: cert, key } = material.serving;
    const before = this.#current;
    const published = { cert, key, caBundle, caDigest: sha256(caBundle) };
    this.#current = published;
    if (before !== undefined && (before.cert !== cert || before.caBundle !== caBundle)) {
      for (const listener of this.#listeners) listener(published);
    }
    return published;
  }
}
