import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { tempDir } from '../../support/temp-dir.ts';
import { GivenAddresses } from './given-addresses.ts';

/** As libcni 1.x writes it, shortened. */
const note = (podUid: string, ifName: string, ...ips: string[]) =>
  JSON.stringify({
    kind: 'cniCacheV1',
    ifName,
    cniArgs: [
      ['IgnoreUnknown', '1'],
      ['K8S_POD_UID', podUid],
    ],
    result: { cniVersion: '1.0.0', ips: ips.map((address) => ({ address })) },
  });

test('reads the addresses of pods and skips what is not about a pod of this cluster', async () => {
  await using dir = await tempDir();
  using notes = new GivenAddresses(dir.path, () => undefined);
  const files = {
    'pods-a-eth0': note('uid-a', 'eth0', '10.244.0.5/24', 'fd00::5/64'),
    'cni-loopback-a-lo': note('uid-a', 'lo', '127.0.0.1/8', '::1/128'),
    'pods-b-eth0': note('uid-b', 'eth0', '10.244.0.6/24').slice(0, 60),
    'other-c-eth0': JSON.stringify({ ifName: 'eth0', cniArgs: [], result: { ips: [] } }),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir.path, name), text);
  expect(notes.list()).toEqual([{ podUid: 'uid-a', address: '10.244.0.5' }]);
});

test('makes the folder, tells of changes, and has nothing where the folder is gone', async () => {
  await using dir = await tempDir();
  const folder = join(dir.path, 'cni', 'results');
  const changed = vi.fn();
  using notes = new GivenAddresses(folder, changed);
  expect(notes.list()).toEqual([]);
  writeFileSync(join(folder, 'pods-a-eth0'), note('uid-a', 'eth0', '10.244.0.5/24'));
  await vi.waitFor(() => expect(changed).toHaveBeenCalled());
  expect(notes.list()).toHaveLength(1);
  await dir[Symbol.asyncDispose]();
  expect(notes.list()).toEqual([]);
});
