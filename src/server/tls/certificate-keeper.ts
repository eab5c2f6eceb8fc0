import type { Sha256 } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import { firstMaterial, renewed, TLS_LIVES, type TlsLives } from './renewal.ts';
import { bundleOf, readMaterial, secretFields, type TlsMaterial } from './tls-material.ts';

/** The one Secret in which the server keeps its certificate. */
export interface CertificateSecret {
  /** Undefined where there is no such Secret. */
  get(signal: AbortSignal): Promise<SecretState | undefined>;
  /** Replaces the fields; false where somebody else has written since `version`. */
  update(
    fields: Readonly<Record<string, string>>,
    version: string,
    signal: AbortSignal,
  ): Promise<boolean>;
  /** False where it exists already. */
  create(fields: Readonly<Record<string, string>>, signal: AbortSignal): Promise<boolean>;
}

export interface SecretState {
  readonly fields: Readonly<Record<string, string>>;
  readonly version: string;
}

/** What the server shows now. */
export interface PublishedCertificate {
  readonly cert: string;
  readonly key: string;
  /** PEM, old and new authorities together while one replaces the other. */
  readonly caBundle: string;
  readonly caDigest: Sha256;
}

export interface CertificateKeeperOptions {
  readonly secret: CertificateSecret;
  /** DNS names of the certificate. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lives?: TlsLives;
}

const CHECK_EVERY_MS = 3_600_000;
const MAX_RACES = 5;

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
    for (let race = 0; race < MAX_RACES; race += 1) {
      const material = await this.#tryOnce(signal);
      if (material !== undefined) return this.#publish(material);
    }
    throw new ClawError(
      'Conflict',
      `the certificate Secret was changed by others ${MAX_RACES} times in a row; is another server running?`,
      { retryable: true },
    );
  }

  /** Checks once an hour until the signal aborts. A failure is logged and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(CHECK_EVERY_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.check(signal);
      } catch (thrown) {
        logger.warn({ error: errorMessage(thrown) }, 'certificates were not checked');
      }
    }
  }

  /** Undefined where another writer was faster. */
  async #tryOnce(signal: AbortSignal): Promise<TlsMaterial | undefined> {
    const { secret, names, clock, logger, lives = TLS_LIVES } = this.#options;
    const state = await secret.get(signal);
    const stored = state === undefined ? undefined : readMaterial(state.fields);
    const now = clock.now();
    const wanted =
      stored === undefined
        ? await firstMaterial(names, now, lives)
        : await renewed(stored, names, now, lives);
    if (wanted === stored) return stored;
    const fields = secretFields(wanted);
    const written =
      state === undefined
        ? await secret.create(fields, signal)
        : await secret.update(fields, state.version, signal);
    if (written) logger.info({ first: stored === undefined }, 'certificates were renewed');
    return written ? wanted : undefined;
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
