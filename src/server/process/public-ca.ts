import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { type KeptSecret, keepChecking, settleSecret } from '../kept-secret.ts';

export interface PublicCaOptions {
  readonly secret: KeptSecret;
  readonly caBundle: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CHECK_EVERY_MS = 30_000;

/**
 * The public certificates of the listeners, alone in a Secret: whoever reads runs by rights of their own
 * has to know the server, and needs nothing that is secret for it.
 */
export class PublicCa {
  readonly #options: PublicCaOptions;

  constructor(options: PublicCaOptions) {
    this.#options = options;
  }

  /** Reads the Secret, and writes what it lacks. */
  async check(signal: AbortSignal): Promise<void> {
    const { secret, caBundle } = this.#options;
    await settleSecret(
      secret,
      'Secret with the certificates for people',
      (state) => {
        const ca = caBundle();
        const value = undefined;
        return state?.fields['ca.crt'] === ca ? { value } : { value, fields: { 'ca.crt': ca } };
      },
      signal,
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    const check = (end: AbortSignal): Promise<void> => this.check(end);
    const failure = 'the certificates for people were not checked';
    await keepChecking({ everyMs: CHECK_EVERY_MS, check, failure, clock, logger }, signal);
  }
}
