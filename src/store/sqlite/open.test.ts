import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aBatch, aClaim, aPlan } from '../../../test/support/records.ts';
import { startStoreChild } from '../../../test/support/store-child.ts';
import { asRolloutId } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import type { RecordStore } from '../records.ts';
import { migrate, schemaVersion } from './migrations.ts';
import { openSqliteReader, openSqliteStore } from './open.ts';
import { SCHEMA_STEPS } from './schema.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clawgym-open-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const own = (holder = 'test', more: { ifNewer?: string } = {}): Promise<RecordStore> =>
  openSqliteStore({ folder, holder, clock: systemClock, ...more });

describe('ownership of a record store', () => {
  it('is refused to a second opener, naming the first, and free after it', async () => {
    {
      await using _first = await own('pid 7 of clawgym run -f bench.yaml');
      await expect(own('second')).rejects.toMatchObject({
        code: 'StoreUnavailable',
        retryable: true,
        message: expect.stringContaining('pid 7 of clawgym run -f bench.yaml') as unknown,
      });
    }
    await using again = await own('third');
    expect(await again.listBatches()).toEqual([]);
  });

  it('holds against another process and ends with it, however it ends', async () => {
    await using child = startStoreChild(folder, 0, 1);
    await child.lines(1);
    await expect(own()).rejects.toThrow(/in use by the child process/);
    await child.kill();
    await using store = await own();
    expect(await store.listBatches()).toHaveLength(1);
  });

  it('covers the same folder under another name', async () => {
    await using _first = await own('the first');
    const other = `${folder}-link`;
    await symlink(folder, other);
    try {
      const open = openSqliteStore({ folder: other, holder: 'x', clock: systemClock });
      await expect(open).rejects.toThrow(/in use by the first/);
    } finally {
      await rm(other);
    }
  });

  it('refuses writes after it was given back', async () => {
    const store = await own();
    await store[Symbol.asyncDispose]();
    await expect(store.planBatch(aBatch(), [])).rejects.toMatchObject({ code: 'StoreUnavailable' });
    await expect(store.listBatches()).rejects.toMatchObject({ code: 'StoreUnavailable' });
  });
});

describe('a reader', () => {
  it('sees committed rows while the owner runs, and after it', async () => {
    const store = await own();
    await store.planBatch(aBatch(), aPlan(3));
    await using reader = await openSqliteReader(folder);
    expect(await reader.countOutcomes(aBatch().id)).toEqual({ planned: 3, undecided: 3 });
    const rollout = asRolloutId('batch-1/task-0/0');
    await store.openAttempt(rollout, aClaim());
    expect(await reader.listAttempts(rollout)).toHaveLength(1);
    await store[Symbol.asyncDispose]();
    await using later = await openSqliteReader(folder);
    expect(await later.listAttempts(rollout)).toHaveLength(1);
  });

  it('says what is missing where there is no store', async () => {
    await expect(openSqliteReader(join(folder, 'none'))).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringContaining('records.sqlite') as unknown,
    });
  });
});

describe('a folder that is no store of this version', () => {
  const file = (): string => join(folder, 'records.sqlite');

  it('is refused with the command to run where a newer version wrote it', async () => {
    await (await own())[Symbol.asyncDispose]();
    const db = new DatabaseSync(file());
    db.exec('INSERT INTO schema_version VALUES (99, 0)');
    db.close();
    for (const open of [own(), openSqliteReader(folder)]) {
      await expect(open).rejects.toThrow(/record schema 99 \(since 1970.*git pull && npm ci/);
    }
    await expect(own('test', { ifNewer: 'Ask.' })).rejects.toThrow(/wrote it\. Ask\.$/);
  });

  it('is refused where the database is of something else', async () => {
    const db = new DatabaseSync(file());
    db.exec('CREATE TABLE other (a TEXT)');
    db.close();
    await expect(own()).rejects.toThrow(/not a record store/);
  });

  it('is refused where the file is no database, and the lock is given back', async () => {
    await writeFile(file(), 'not a database, but longer than a header '.repeat(20));
    await expect(own()).rejects.toMatchObject({ code: 'StoreUnavailable' });
    await rm(file());
    await (await own())[Symbol.asyncDispose]();
  });

  it('is refused where a folder is in the place of the file', async () => {
    await mkdir(file());
    await expect(own()).rejects.toMatchObject({ code: 'StoreUnavailable' });
  });
});

describe('migrations', () => {
  it('add steps to an older store, keep its rows, and undo a step that fails', async () => {
    const store = await own();
    await store.planBatch(aBatch(), aPlan(1));
    await store[Symbol.asyncDispose]();
    const path = join(folder, 'records.sqlite');
    const db = new DatabaseSync(path);
    try {
      const newer = [...SCHEMA_STEPS, "ALTER TABLE batches ADD COLUMN note TEXT DEFAULT 'x'"];
      const bad = [...newer, 'CREATE TABLE half (a TEXT); SELECT nonsense'];
      expect(() => migrate(db, path, 1, bad)).toThrow(/nonsense/);
      expect(schemaVersion(db, path)).toBe(SCHEMA_STEPS.length);
      migrate(db, path, 1, newer);
      migrate(db, path, 2, newer);
      expect(schemaVersion(db, path)).toBe(newer.length);
      expect(db.prepare('SELECT note FROM batches').all()).toEqual([{ note: 'x' }]);
    } finally {
      db.close();
    }
  });
});
