import { describe, expect, it } from 'vitest';
import { InTurn } from './in-turn.ts';

describe('work in turn', () => {
  it('is one after the other for a key, at once for others, and leaves nothing behind', async () => {
    const turns = new InTurn();
    const done: string[] = [];
    const first = Promise.withResolvers<void>();
    const work = (name: string, wait?: Promise<void>) => async () => {
      done.push(`${name} begins`);
      await wait;
      done.push(`${name} ends`);
      return name;
    };
    const all = [
      turns.run('a', work('a1', first.promise)),
      turns.run('a', work('a2')),
      turns.run('b', work('b1')),
    ];
    await all[2];
    expect(done).toEqual(['a1 begins', 'b1 begins', 'b1 ends']);
    first.resolve();
    expect(await Promise.all(all)).toEqual(['a1', 'a2', 'b1']);
    expect(done.slice(3)).toEqual(['a1 ends', 'a2 begins', 'a2 ends']);
    expect(turns.size).toBe(0);
  });

  it('goes on after work that failed', async () => {
    const turns = new InTurn();
    const failed = turns.run('a', () => Promise.reject(new Error('no')));
    const next = turns.run('a', () => Promise.resolve('yes'));
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe('yes');
    expect(turns.size).toBe(0);
  });
});
