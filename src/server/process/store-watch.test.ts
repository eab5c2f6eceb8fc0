import { expect, it } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { StoreWatch } from './store-watch.ts';

it('tells once that the store is filling, and once that it has room again', async () => {
  const told: string[] = [];
  const logger = {
    ...silentLogger,
    warn: (_: object, line: string) => void told.push(`warn ${line.slice(0, 22)}`),
    info: (_: object, line: string) => void told.push(`info ${line}`),
  };
  let part = 0.84;
  const watch = new StoreWatch({ used: async () => part, clock: new ManualClock(), logger });
  for (const next of [0.84, 0.85, 0.9, 0.8, 0.7]) {
    part = next;
    await watch.look();
  }
  expect(told).toEqual(['warn the store begins to be', 'info the store has room again']);
});
