import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordStoreContract } from '../../../test/support/record-store-contract.ts';
import { systemClock } from '../../base/clock.ts';
import { openSqliteStore } from './open.ts';

recordStoreContract('sqlite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clawgym-records-'));
  return {
    open: () => openSqliteStore({ folder, holder: 'a test', clock: systemClock }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
});
