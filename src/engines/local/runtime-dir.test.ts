import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { openRuntimeDir } from './runtime-dir.ts';

test('makes a folder that nobody else may enter, and removes it in the end', async () => {
  await using store = await tempDir();
  let path: string;
  {
    await using runtime = await openRuntimeDir(store.path);
    path = runtime.path;
    expect(statSync(path).mode & 0o777).toBe(0o700);
    const [first, second] = [await runtime.scratch('a'), await runtime.scratch('a')];
    expect(first).not.toBe(second);
    writeFileSync(join(first, 'file'), 'x');
    runtime.discard(second);
  }
  expect(existsSync(path)).toBe(false);
  expect(existsSync(join(store.path, 'runtime-dir'))).toBe(false);
});

test('lets the group of the sandboxes enter both places, and no other user', async () => {
  await using store = await tempDir();
  await using memory = await tempDir();
  const { uid, gid: group } = statSync(store.path);
  // Only root may give a folder to a group that it is not in.
  const gid = uid === 0 ? 60_999 : group;
  const owner = { uid: 60_998, gid };
  await using runtime = await openRuntimeDir(store.path, { memory: memory.path, owner });
  const small = dirname(await runtime.scratch('small', 1000));
  expect(small).not.toBe(runtime.path);
  for (const folder of [runtime.path, small]) {
    const facts = statSync(folder);
    expect([facts.mode & 0o777, facts.uid, facts.gid]).toEqual([0o710, uid, gid]);
  }
});

test('removes what an engine that died left behind, wherever that was', async () => {
  await using store = await tempDir();
  await using elsewhere = await tempDir();
  const leftover = join(elsewhere.path, 'clawgym-0123456789ab');
  mkdirSync(join(leftover, 'a-1'), { recursive: true });
  writeFileSync(join(store.path, 'runtime-dir'), leftover);
  await using runtime = await openRuntimeDir(store.path);
  expect(existsSync(leftover)).toBe(false);
  expect(readFileSync(join(store.path, 'runtime-dir'), 'utf8')).toBe(runtime.path);
});

test('holds small scratch in memory where the host has room, and sweeps both places', async () => {
  await using store = await tempDir();
  await using memory = await tempDir();
  const leftover = join(memory.path, 'clawgym-0123456789ab');
  mkdirSync(leftover);
  writeFileSync(join(store.path, 'runtime-dir'), `/tmp/clawgym-00000000000a\n${leftover}`);
  {
    await using runtime = await openRuntimeDir(store.path, { memory: memory.path });
    expect(existsSync(leftover)).toBe(false);
    expect(await runtime.scratch('small', 1000)).toContain(memory.path);
    expect(await runtime.scratch('large', 1024 ** 3)).toContain(runtime.path);
    expect(await runtime.scratch('unknown')).toContain(runtime.path);
  }
  expect(readdirSync(memory.path)).toEqual([]);
});

test.each(['/etc', '/tmp', '../clawgym-0123456789ab', ''])(
  'never removes %j, which is no runtime folder',
  async (path) => {
    await using store = await tempDir();
    writeFileSync(join(store.path, 'runtime-dir'), path);
    await using runtime = await openRuntimeDir(store.path);
    expect(runtime.path).toMatch(/clawgym-[0-9a-f]{12}$/);
    expect(existsSync('/etc')).toBe(true);
  },
);
