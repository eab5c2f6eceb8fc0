import { expect, it } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { MemorySecret } from '../../../test/support/memory-secret.ts';
import { silentLogger } from '../../base/logger.ts';
import { UserToken } from './user-token.ts';

const { signal } = new AbortController();

function bed(secret = new MemorySecret()) {
  const authority = { ca: 'authority' };
  const tokens = ['made-1', 'made-2'];
  const token = new UserToken({
    secret,
    caBundle: () => authority.ca,
    newSecret: () => tokens.shift() ?? '',
    clock: new ManualClock(0),
    logger: silentLogger,
  });
  return { secret, token, authority };
}

it('is made once, lets nobody in before, and is written again for another authority alone', async () => {
  const { secret, token, authority } = bed();
  expect(token.current).toBe('');
  await token.check(signal);
  await token.check(signal);
  expect(token.current).toBe('made-1');
  expect(secret).toMatchObject({ writes: 1, fields: { token: 'made-1', 'ca.crt': 'authority' } });
  authority.ca = 'successor';
  await token.check(signal);
  expect(secret).toMatchObject({ writes: 2, fields: { token: 'made-1', 'ca.crt': 'successor' } });
});

it('is what stands in the Secret, whoever wrote it, also in between', async () => {
  const { secret, token } = bed(new MemorySecret({ token: 'of a person\n', note: 'kept' }));
  await token.check(signal);
  expect(token.current).toBe('of a person');
  expect(secret.fields).toMatchObject({ note: 'kept' });
  secret.put({});
  secret.beforeWrite = () => {
    secret.beforeWrite = () => undefined;
    secret.put({ token: 'of another server', 'ca.crt': 'authority' });
  };
  await token.check(signal);
  expect(token.current).toBe('of another server');
});
