import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { SCHEMA_STEPS } from '../../store/sqlite/schema.ts';
import { openStore } from './open-store.ts';

test('a store of a newer release is left as it is, and the way back to that release is named', async () => {
  await using dir = await tempDir();
  const place = { dataDir: dir.path, namespace: 'clawgym', service: 'clawgym-server' };
  await (await openStore(place))[Symbol.asyncDispose]();
  const path = join(dir.path, 'records', 'records.sqlite');
  const since = Date.parse('2026-02-03T04:05:06Z');
  const next = SCHEMA_STEPS.length + 1;
  const db = new DatabaseSync(path);
  try {
    db.prepare('INSERT INTO schema_version VALUES (?, ?)').run(next, since);
    const error: unknown = await openStore(place).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'StoreUnavailable', details: { version: next } });
    expect(String(error)).toContain(
      `record schema ${next} (since 2026-02-03T04:05:06.000Z), this program knows up to ${next - 1}`,
    );
    expect(String(error)).toMatch(
      /helm rollback RELEASE REVISION --namespace clawgym, then kubectl delete pod clawgym-server-0 --namespace clawgym$/,
    );
    const versions = 'SELECT count(*) AS steps FROM schema_version';
    expect(db.prepare(versions).get()).toEqual({ steps: next });
  } finally {
    db.close();
  }
});
