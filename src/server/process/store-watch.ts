import type { Clock } from '../../base/clock.ts';
import { errorMessage } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import { FILLING } from './store-room.ts';

export interface StoreWatchOptions {
  /** Used part of the store's volume, from 0 to 1. */
  readonly used: () => Promise<number>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const LOOK_MS = 60_000;

/** Says in the log when the store begins to be full, and when it has room again: once each. */
export class StoreWatch {
  readonly #options: StoreWatchOptions;
  #told = false;

  constructor(options: StoreWatchOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      await this.look().catch((thrown: unknown) =>
        logger.warn({ error: errorMessage(thrown) }, 'the room of the store cannot be read'),
      );
      await clock.sleep(LOOK_MS, signal).catch(() => undefined);
    }
  }

  async look(): Promise<void> {
    const { used, logger } = this.#options;
    const part = await used();
    const filling = part >= FILLING;
    if (filling === this.#told) return;
    this.#told = filling;
    const usedPercent = Math.floor(part * 100);
    if (filling) {
      const advice =
        'the store begins to be full; at 95 % no attempt begins: make the volume larger, or keep records for fewer days';
      logger.warn({ usedPercent }, advice);
    } else logger.info({ usedPercent }, 'the store has room again');
  }
}
