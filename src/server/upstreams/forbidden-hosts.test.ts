import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { guardedLookup } from './forbidden-hosts.ts';

/** What a connection is told for a name of these addresses. */
async function lookedUp(addresses: readonly LookupAddress[], all: boolean): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const lookup = guardedLookup((_name, _options, callback) => callback(null, [...addresses]));
  lookup('model.example', { all }, (error, found) =>
    error === null ? resolve(found) : reject(error),
  );
  return await promise;
}

const PUBLIC = { address: '203.0.113.7', family: 4 };

describe('a name that an endpoint has', () => {
  it.each([
    ['127.0.0.1', 4],
    ['169.254.169.254', 4],
    ['0.0.0.0', 4],
    ['::1', 6],
    ['fe80::1%eth0', 6],
    ['::ffff:169.254.169.254', 6],
  ])('is no way to %s, also beside a good address', async (address, family) => {
    for (const all of [true, false]) {
      await expect(lookedUp([PUBLIC, { address, family }], all)).rejects.toMatchObject({
        code: 'InvalidInput',
        message: expect.stringContaining(`model.example leads to ${address}`) as unknown,
      });
    }
  });

  it('leads to what the system says else', async () => {
    expect(await lookedUp([PUBLIC], true)).toEqual([PUBLIC]);
    expect(await lookedUp([PUBLIC], false)).toBe(PUBLIC.address);
    await expect(lookedUp([], true)).rejects.toThrow('no address');
  });

  it('fails as the system does', async () => {
    const lookup = guardedLookup((_name, _options, callback) =>
      callback(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), []),
    );
    const { promise, resolve } = Promise.withResolvers<unknown>();
    lookup('none.example', {}, (error) => resolve(error?.code));
    expect(await promise).toBe('ENOTFOUND');
  });
});
