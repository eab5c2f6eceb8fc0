import { expect, test } from 'vitest';
import { memoryScratchFolder } from './memory-scratch.ts';

const GIB = 1024 ** 3;
const mount = (options: string, type = 'tmpfs'): string =>
  `30 25 0:26 / / rw,relatime - ext4 /dev/vda rw\n31 30 0:27 / /dev/shm ${options} - ${type} tmpfs rw,size=8G\n`;

const facts = (mountinfo: string, free = 4 * GIB, writable = true) => ({
  mountinfo,
  freeBytes: () => free,
  isWritable: () => writable,
});

test('takes a roomy temporary file system that programs may run from', () => {
  expect(memoryScratchFolder(facts(mount('rw,nosuid,nodev')))).toBe('/dev/shm');
});

test.each([
  ['no such mount', facts('30 25 0:26 / / rw - ext4 /dev/vda rw\n')],
  ['another kind of file system', facts(mount('rw', 'ext4'))],
  ['programs may not run from it', facts(mount('rw,nosuid,nodev,noexec'))],
  ['it is read-only', facts(mount('ro'))],
  ['it is the stub of a container', facts(mount('rw'), 64 * 1024 ** 2)],
  ['this user may not write to it', facts(mount('rw'), 4 * GIB, false)],
])('uses the disk where %s', (_why, given) => {
  expect(memoryScratchFolder(given)).toBeUndefined();
});

test('what is mounted last over the folder counts', () => {
  expect(memoryScratchFolder(facts(mount('rw') + mount('rw,noexec')))).toBeUndefined();
});
