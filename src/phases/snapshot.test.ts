import { execFileSync } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  readFile,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MemoryArtifacts } from '../../test/support/memory-artifacts.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { takeSnapshot } from './snapshot.ts';
import { DEFAULT_SNAPSHOT_CAPS } from './snapshot-caps.ts';
import { unpackSnapshot } from './unpack-snapshot.ts';

const caps = DEFAULT_SNAPSHOT_CAPS;

test('keeps contents, executable bits and modification times of plain files', async () => {
  await using from = await tempDir();
  await using to = await tempDir();
  await mkdir(join(from.path, 'out/deep'), { recursive: true });
  await writeFile(join(from.path, 'out/deep/a.txt'), 'alpha');
  await writeFile(join(from.path, 'run.sh'), '#!/bin/sh\n');
  await chmod(join(from.path, 'run.sh'), 0o700);
  const artifacts = new MemoryArtifacts();
  const snapshot = await takeSnapshot(from.path, artifacts, caps);
  expect(snapshot.refused).toBeUndefined();
  if (!snapshot.digest) throw new Error('no snapshot');
  await unpackSnapshot(await artifacts.stream(snapshot.digest), to.path, caps);
  expect(await readFile(join(to.path, 'out/deep/a.txt'), 'utf8')).toBe('alpha');
  expect((await lstat(join(to.path, 'run.sh'))).mode & 0o100).toBe(0o100);
  const [before, after] = await Promise.all([
    lstat(join(from.path, 'run.sh')),
    lstat(join(to.path, 'run.sh')),
  ]);
  expect(Math.trunc(after.mtimeMs / 1000)).toBe(Math.trunc(before.mtimeMs / 1000));
});

test.each([
  ['1902-01-01', '1970-01-01T00:00:00Z'],
  ['1969-12-31', '1970-01-01T00:00:00Z'],
  ['2026-02-03', '2026-02-03T00:00:00Z'],
  ['2100-01-01', '2038-01-19T03:14:07Z'],
  ['2400-01-01', '2038-01-19T03:14:07Z'],
])('a modification time of %s comes back as %s', async (set, kept) => {
  await using from = await tempDir();
  await using to = await tempDir();
  const file = join(from.path, 'a.txt');
  await writeFile(file, '');
  await utimes(file, new Date(set), new Date(set));
  const artifacts = new MemoryArtifacts();
  const { digest } = await takeSnapshot(from.path, artifacts, caps);
  if (!digest) throw new Error('no snapshot');
  await unpackSnapshot(await artifacts.stream(digest), to.path, caps);
  expect((await lstat(join(to.path, 'a.txt'))).mtime).toEqual(new Date(kept));
});

test('skips links, FIFOs, sockets and unusable names, each with a finding', async () => {
  await using from = await tempDir();
  await symlink('/etc/passwd', join(from.path, 'report.txt'));
  await symlink('/', join(from.path, 'root'));
  execFileSync('mkfifo', [join(from.path, 'pipe')]);
  await writeFile(join(from.path, 'line\nbreak\u001b[31m.txt'), 'x');
  await writeFile(Buffer.concat([Buffer.from(`${from.path}/bad-`), Buffer.from([0xff])]), 'x');
  const artifacts = new MemoryArtifacts();
  const snapshot = await takeSnapshot(from.path, artifacts, caps);
  expect(snapshot.findings.map((finding) => finding.code)).toEqual(Array(5).fill('EntrySkipped'));
  const text = snapshot.findings.map((finding) => finding.message).join('\n');
  expect(text).toContain('report.txt (a link)');
  expect(text).toContain('pipe (a FIFO)');
  expect(text).toContain('\\u001b');
  expect(text).not.toContain('\u001b');
  const bytes = [...artifacts.contents.values()].map((content) => Buffer.from(content).toString());
  expect(bytes.join('')).not.toContain('root:');
});

test('opens up a workspace that the agent made unreadable', async () => {
  await using from = await tempDir();
  await mkdir(join(from.path, 'secret'));
  await writeFile(join(from.path, 'secret/a.txt'), 'kept', { mode: 0o000 });
  await chmod(join(from.path, 'secret'), 0o000);
  await chmod(from.path, 0o000);
  const artifacts = new MemoryArtifacts();
  const snapshot = await takeSnapshot(from.path, artifacts, caps);
  if (!snapshot.digest) throw new Error('no snapshot');
  expect(Buffer.from(await artifacts.read(snapshot.digest)).toString()).toContain('kept');
});

test.each([
  ['bytes', { ...caps, totalBytes: 10 }, 'more than 10 bytes of files'],
  ['entries', { ...caps, entries: 2 }, 'more than 2 entries'],
  ['path length', { ...caps, pathBytes: 5 }, 'a path longer than 5 bytes'],
])('refuses a workspace beyond its cap of %s and stores nothing', async (_name, tight, reason) => {
  await using from = await tempDir();
  for (const name of ['a.txt', 'b.txt', 'long-name.txt']) {
    await writeFile(join(from.path, name), 'hello world');
  }
  const artifacts = new MemoryArtifacts();
  const snapshot = await takeSnapshot(from.path, artifacts, tight);
  expect(snapshot).toEqual({ digest: undefined, refused: reason, findings: [] });
  expect(artifacts.contents.size).toBe(0);
});

test('counts a sparse file by its apparent size', async () => {
  await using from = await tempDir();
  await writeFile(join(from.path, 'huge.bin'), '');
  await truncate(join(from.path, 'huge.bin'), 10 * 1024 ** 3);
  const snapshot = await takeSnapshot(from.path, new MemoryArtifacts(), caps);
  expect(snapshot.refused).toMatch(/^more than \d+ bytes of files$/);
});
