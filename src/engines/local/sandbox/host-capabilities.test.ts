import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../../../test/support/temp-dir.ts';
import { canRunHere, type HostCapability, hostCapabilities } from './host-capabilities.ts';

test('an old Node and an empty cache are named with advice, and nothing is made to find that out', async () => {
  await using dir = await tempDir();
  const facts = await hostCapabilities({
    cacheDir: join(dir.path, 'no', 'cache'),
    arch: 'x64',
    uid: 1000,
    nodeVersion: '20.1.0',
    env: process.env,
    signal: new AbortController().signal,
  });
  const of = (required: boolean): string[] =>
    facts.filter((fact) => fact.required === required).map(({ name }) => name);
  expect(of(true)).toEqual(['Node', 'bubblewrap', 'user namespaces', 'Python', 'git', 'npm']);
  expect(of(false)).toContain('runner root');
  const missing = facts.filter(({ ok }) => !ok);
  const names = missing.map(({ name }) => name);
  expect(names).toContain('Node');
  expect(names).toContain('runner root');
  expect(missing.every(({ advice }) => advice !== '')).toBe(true);
  expect(canRunHere(facts)).toBe(false);
  expect(existsSync(join(dir.path, 'no'))).toBe(false);
});

test.each([
  [true, false],
  [false, true],
])('a missing fact with required %s leaves the host usable: %s', (required, usable) => {
  const base = { name: 'a', value: '', advice: '' };
  const facts: HostCapability[] = [
    { ...base, required: true, ok: true },
    { ...base, required, ok: false },
  ];
  expect(canRunHere(facts)).toBe(usable);
});
