import { spawnSync } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Sha256 } from '../base/brand.ts';
import { sha256 } from '../base/digest.ts';
import { type ArtifactStore, type ArtifactSweep, SWEEP_PARTS } from './artifacts.ts';
import { openFileArtifacts } from './file-artifacts.ts';
import { ownProcessMark } from './process-mark.ts';

const BYTES = Buffer.from('some bytes\n');
const DIGEST = sha256(BYTES);

describe('file artifact store', () => {
  let folder: string;
  let store: ArtifactStore & ArtifactSweep;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'clawgym-artifacts-'));
    store = await openFileArtifacts(folder);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const pathOf = (digest: Sha256): string => join(folder, digest.slice(0, 2), digest);
  const temporaries = (): Promise<string[]> => readdir(join(folder, 'tmp'));
  const damage = async (bytes: string): Promise<void> => {
    await chmod(pathOf(DIGEST), 0o644);
    await writeFile(pathOf(DIGEST), bytes);
  };

  it('gives back what was put, by bytes and by stream, for any content', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(50), async (bytes, cut) => {
        const put = await store.put(bytes);
        expect(put).toEqual({ digest: sha256(bytes), size: bytes.length });
        expect(await store.size(put.digest)).toBe(bytes.length);
        const parts = [bytes.subarray(0, cut), bytes.subarray(cut)];
        expect(await store.putStream(Readable.from(parts), { maxBytes: 300 })).toEqual(put);
        expect(Buffer.from(await store.read(put.digest))).toEqual(Buffer.from(bytes));
        expect(await buffer(await store.stream(put.digest))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 25 },
    );
    expect(await temporaries()).toEqual([]);
  });

  it('files under the digest and does not write again what is there', async () => {
    await store.put(BYTES);
    const { ino } = await lstat(pathOf(DIGEST));
    await Promise.all([
      store.put(BYTES),
      store.putStream(Readable.from([BYTES]), { maxBytes: 99 }),
    ]);
    expect((await lstat(pathOf(DIGEST))).ino).toBe(ino);
  });

  it('removes of a part what is neither named nor wanted since, and tells how much', async () => {
    const old = await Promise.all(['a', 'b', 'c', 'd'].map((text) => store.put(Buffer.from(text))));
    for (const { digest } of old) await utimes(pathOf(digest), 1, 1);
    const [named, put, kept, gone] = old.map(({ digest }) => digest);
    await store.put(Buffer.from('b'));
    expect(await store.keep(kept ?? DIGEST)).toBe(true);
    expect(await store.keep(DIGEST)).toBe(false);
    const told = { seen: 0, removed: 0, bytes: 0 };
    for (let part = 0; part < SWEEP_PARTS; part += 1) {
      const some = await store.removeUnnamed(part, {
        named: (digest) => digest === named,
        before: 5000,
      });
      told.seen += some.seen;
      told.removed += some.removed;
      told.bytes += some.bytes;
    }
    expect(told).toEqual({ seen: 4, removed: 1, bytes: 1 });
    const left = [named, put, kept, gone].map(async (digest) => digest && store.size(digest));
    expect(await Promise.all(left)).toEqual([1, 1, 1, undefined]);
    // What was removed can be put again.
    await store.put(Buffer.from('d'));
    expect(await store.size(gone ?? DIGEST)).toBe(1);
  });

  it('stores the same content once when many put it at the same time', async () => {
    const puts = await Promise.all(Array.from({ length: 20 }, () => store.put(BYTES)));
    expect(new Set(puts.map((put) => put.digest))).toEqual(new Set([DIGEST]));
    expect(await readdir(join(folder, DIGEST.slice(0, 2)))).toEqual([DIGEST]);
  });

  it('keeps nothing of a stream that is too long or breaks', async () => {
    const long = store.putStream(Readable.from([BYTES, BYTES]), { maxBytes: BYTES.length });
    await expect(long).rejects.toMatchObject({ code: 'TooLarge' });
    const broken = Readable.from(
      (async function* () {
        yield BYTES;
        await Promise.resolve();
        throw new Error('connection lost');
      })(),
    );
    await expect(store.putStream(broken, { maxBytes: 1_000 })).rejects.toMatchObject({
      code: 'InvalidInput',
      message: expect.stringContaining('connection lost') as unknown,
    });
    expect(await temporaries()).toEqual([]);
    expect(await store.size(DIGEST)).toBeUndefined();
  });

  it.each(['read', 'stream'] as const)('says NotFound on %s of an unknown digest', async (how) => {
    await expect(store[how](DIGEST)).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('refuses damaged bytes, by read and at the end of a stream', async () => {
    await store.put(BYTES);
    await damage('SOME BYTES\n');
    await expect(store.read(DIGEST)).rejects.toMatchObject({ code: 'CorruptArtifact' });
    await expect(buffer(await store.stream(DIGEST))).rejects.toMatchObject({
      code: 'CorruptArtifact',
    });
  });

  it('writes again what was cut short', async () => {
    await store.put(BYTES);
    await damage('some');
    await store.put(BYTES);
    expect(Buffer.from(await store.read(DIGEST))).toEqual(BYTES);
  });

  it('does not follow a link in the place of an artifact or of its folder', async () => {
    const secret = join(folder, 'secret');
    await writeFile(secret, BYTES);
    await mkdir(join(folder, DIGEST.slice(0, 2)));
    await symlink(secret, pathOf(DIGEST));
    expect(await store.size(DIGEST)).toBeUndefined();
    await expect(store.read(DIGEST)).rejects.toMatchObject({ code: 'NotFound' });
    await store.put(BYTES);
    expect((await lstat(pathOf(DIGEST))).isFile()).toBe(true);

    const other = Buffer.from('other');
    const elsewhere = await mkdtemp(join(tmpdir(), 'clawgym-elsewhere-'));
    await symlink(elsewhere, join(folder, sha256(other).slice(0, 2)));
    await expect(store.put(other)).rejects.toMatchObject({ code: 'StoreUnavailable' });
    expect(await readdir(elsewhere)).toEqual([]);
    await rm(elsewhere, { recursive: true });
  });

  it('does not hang on a FIFO in the place of an artifact', async () => {
    await mkdir(join(folder, DIGEST.slice(0, 2)));
    expect(spawnSync('mkfifo', [pathOf(DIGEST)]).status).toBe(0);
    await expect(store.read(DIGEST)).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('sweeps leftovers of dead processes when opened, and only those', async () => {
    const [host, , start] = ownProcessMark().split('.');
    const dead = [`${host}.4194304.1.x`, `${host}.${process.pid}.1.x`];
    const kept = [`${ownProcessMark()}.x`, `otherhost.4194304.${start}.x`];
    for (const name of [...dead, ...kept]) await writeFile(join(folder, 'tmp', name), 'half');
    await openFileArtifacts(folder);
    expect((await temporaries()).toSorted()).toEqual(kept.toSorted());
  });
});
