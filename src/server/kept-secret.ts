import type { Clock } from '../base/clock.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';

/** A Secret that the server keeps itself, by its name. */
export interface KeptSecret {
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

/** What holds from now on, and all fields of the Secret where they have to be stored first. */
export interface SecretDecision<T> {
  readonly value: T;
  readonly fields?: Readonly<Record<string, string>>;
}

const MAX_RACES = 5;

/**
 * Reads a Secret, decides, and stores what was decided; all of it anew where somebody else has written
 * in between. The Secret is the truth: what another server has put there holds. Throws a retryable
 * `Conflict` after five such races.
 *
 * @param what Names the Secret in the error.
 */
export async function settleSecret<T>(
  secret: KeptSecret,
  what: string,
  decide: (state: SecretState | undefined) => SecretDecision<T> | Promise<SecretDecision<T>>,
  signal: AbortSignal,
): Promise<{ readonly value: T; readonly stored: boolean }> {
  for (let race = 0; race < MAX_RACES; race += 1) {
    const state = await secret.get(signal);
    const { value, fields } = await decide(state);
    if (fields === undefined) return { value, stored: false };
    const written =
      state === undefined
        ? await secret.create(fields, signal)
        : await secret.update(fields, state.version, signal);
    if (written) return { value, stored: true };
  }
  throw new ClawError(
    'Conflict',
    `the ${what} was changed by others ${MAX_RACES} times in a row; is another server running?`,
    { retryable: true },
  );
}

export interface CheckingOptions {
  readonly everyMs: number;
  readonly check: (signal: AbortSignal) => Promise<unknown>;
  /** Logged with the error of a check that failed. */
  readonly failure: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Checks after each pause until the signal aborts. A failure is logged and tried again. */
export async function keepChecking(
  { everyMs, check, failure, clock, logger }: CheckingOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(everyMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      await check(signal);
    } catch (thrown) {
      logger.warn({ error: errorMessage(thrown) }, failure);
    }
  }
}
