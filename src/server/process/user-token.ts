import type { Clock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import type { CertificateSecret } from '../tls/certificate-keeper.ts';

export interface UserTokenOptions {
  readonly secret: CertificateSecret;
  /** Of the sandbox and user listeners, for whoever reads the token. */
  readonly caBundle: () => string;
  readonly newSecret: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CHECK_EVERY_MS = 30_000;
const MAX_RACES = 5;

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
    for (let race = 0; race < MAX_RACES; race += 1) {
      if (await this.#tryOnce(signal)) return;
    }
    throw new ClawError(
      'Conflict',
      `the Secret with the token for people was changed by others ${MAX_RACES} times in a row; is another server running?`,
      { retryable: true },
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(CHECK_EVERY_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.check(signal);
      } catch (thrown) {
        logger.warn({ error: errorMessage(thrown) }, 'the token for people was not checked');
      }
    }
  }

  async #tryOnce(signal: AbortSignal): Promise<boolean> {
    const { secret, caBundle, newSecret } = this.#options;
    const state = await secret.get(signal);
    const stored = state?.fields['token']?.trim() ?? '';
    const token = stored === '' ? newSecret() : stored;
    const ca = caBundle();
    if (stored === '' || state?.fields['ca.crt'] !== ca) {
      const fields = { ...state?.fields, token, 'ca.crt': ca };
      const written =
        state === undefined
          ? await secret.create(fields, signal)
          : await secret.update(fields, state.version, signal);
      if (!written) return false;
    }
    this.#current = token;
    return true;
  }
}
