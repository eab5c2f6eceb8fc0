import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, it } from 'vitest';
import { Connection } from './connection.ts';
import { GroupCommit } from './group-commit.ts';

describe('group commit', () => {
  let db: Connection;
  let commits: GroupCommit;
  beforeEach(() => {
    db = new Connection(new DatabaseSync(':memory:'));
    db.exec('CREATE TABLE notes (text TEXT NOT NULL) STRICT');
    commits = new GroupCommit(db);
  });

  const add = (text: string): Promise<number> =>
    commits.write(() => db.run('INSERT INTO notes VALUES (?)', text));
  const notes = (): unknown => db.get('SELECT count(*) AS n, min(text) AS first FROM notes');

  it('settles in order, only after the commit', async () => {
    const inside: boolean[] = [];
    const order: string[] = [];
    await Promise.all(
      ['a', 'b', 'c'].map((text) =>
        add(text).then(() => {
          order.push(text);
          inside.push(db.inTransaction);
        }),
      ),
    );
    expect(order).toEqual(['a', 'b', 'c']);
    expect(inside).toEqual([false, false, false]);
  });

  it('says so on a full disk, keeps only what it acknowledged, and works again after', async () => {
    db.get('PRAGMA max_page_count = 4');
    const [small, large] = await Promise.allSettled([add('small'), add('x'.repeat(100_000))]);
    expect(large).toMatchObject({
      status: 'rejected',
      reason: { code: 'StoreUnavailable', retryable: true },
    });
    expect(db.inTransaction).toBe(false);
    const kept = small?.status === 'fulfilled' ? 1 : 0;
    expect(notes()).toMatchObject({ n: kept });
    db.get('PRAGMA max_page_count = 1000');
    await add('later');
    expect(notes()).toMatchObject({ n: kept + 1 });
  });

  it('calls a broken constraint a conflict and spares the others', async () => {
    const none = commits.write(() => db.run('INSERT INTO notes VALUES (NULL)'));
    const [bad, good] = await Promise.allSettled([none, add('good')]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'Conflict' } });
    expect(good.status).toBe('fulfilled');
    expect(notes()).toMatchObject({ n: 1, first: 'good' });
  });

  it('tells every waiting caller when the database is gone', async () => {
    const waiting = [add('a'), add('b')];
    db.close();
    for (const result of await Promise.allSettled(waiting)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'StoreUnavailable' } });
    }
  });

  it('is idle once more than one group is written', async () => {
    const writes = Array.from({ length: 600 }, (_, index) => add(String(index)));
    await commits.idle();
    expect(notes()).toMatchObject({ n: 600 });
    await Promise.all(writes);
  });
});
