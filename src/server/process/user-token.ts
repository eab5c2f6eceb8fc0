import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { type KeptSecret, keepChecking, settleSecret } from '../kept-secret.ts';

export interface UserTokenOptions {
  readonly secret: KeptSecret;
  /** Of the sandbox and user listeners, for whoever reads the token. */
  readonly caBundle: () => string;
  readonly newSecret: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CHECK_EVERY_MS = 30_000;

/**
 * The bearer of people, in a Secret of its own: whoever may read that Secret may read every run. The
 * Secret is the truth: another token there holds from the next check on.
 */
export class UserToken {
  readonly #options: UserTokenOptions;
  #current = '';

  constructor(options: UserTokenOptions) {
    this.#options = options;
  }

  /** Empty before the first check: then nobody is let in. */
  get current(): string {
    return this.#current;
  }

  /** Reads the Secret, and writes what it lacks. */
  async check(signal: AbortSignal): Promise<void> {
    const { secret, caBundle, newSecret } = this.#options;
    const { value } = await settleSecret(
      secret,
      'Secret with the token for people',
      (state) => {
        const stored = state?.fields['token']?.trim() ?? '';
        const token = stored === '' ? newSecret() : stored;
        const ca = caBundle();
        if (stored !== '' && state?.fields['ca.crt'] === ca) return { value: token };
        return { value: token, fields: { ...state?.fields, token, 'ca.crt': ca } };
      },
      signal,
    );
    this.#current = value;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    const check = (end: AbortSignal): Promise<void> => this.check(end);
    const failure = 'the token for people was not checked';
    await keepChecking({ everyMs: CHECK_EVERY_MS, check, failure, clock, logger }, signal);
  }
}
