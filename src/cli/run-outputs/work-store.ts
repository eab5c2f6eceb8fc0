import { chmodSync, existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import { makeFolders } from '../../base/make-folders.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { openFileArtifacts } from '../../store/file-artifacts.ts';
import type { ObjectReader, ObjectRecords } from '../../store/object-records.ts';
import type { RecordReader } from '../../store/record-reader.ts';
import type { RecordStore } from '../../store/records.ts';
import { openSqliteReader, openSqliteStore } from '../../store/sqlite/open.ts';
import type { SynthesisLists, SynthesisReader } from '../../store/synthesis-records.ts';
import { storeDir } from '../local-session.ts';

/** Records and artifacts of an output folder, to read; safe beside a run that goes on there. */
export interface WorkReader extends AsyncDisposable {
  /** The output folder. */
  readonly out: string;
  readonly records: RecordReader & ObjectReader & SynthesisReader & SynthesisLists;
  readonly artifacts: ArtifactStore;
}

/** The same, owned by this process. */
export interface WorkStore extends AsyncDisposable {
  readonly records: RecordStore & ObjectRecords;
  readonly artifacts: ArtifactStore;
}

/** Opens the store of an output folder, which is made where it is missing. */
export async function openWorkStore(out: string): Promise<WorkStore> {
  const folder = storeDir(out);
  makeFolders(folder);
  // Conversations and weights are nobody else's business.
  chmodSync(folder, 0o700);
  const holder = `pid ${process.pid}`;
  const records = await openSqliteStore({ folder, holder, clock: systemClock });
  try {
    const artifacts = await openFileArtifacts(join(folder, 'artifacts'));
    return { records, artifacts, [Symbol.asyncDispose]: () => records[Symbol.asyncDispose]() };
  } catch (cause) {
    await records[Symbol.asyncDispose]();
    throw cause;
  }
}

/**
 * Opens every store of a work folder to read: its own, and those of the outputs in it. A store that this
 * version cannot read is passed over.
 */
export async function openWorkFolder(
  work: string,
): Promise<AsyncDisposable & { readonly stores: readonly WorkReader[] }> {
  await using open = new AsyncDisposableStack();
  const stores: WorkReader[] = [];
  for (const out of await outputsOf(work)) {
    const folder = storeDir(out);
    try {
      const records = open.use(await openSqliteReader(folder));
      const artifacts = await openFileArtifacts(join(folder, 'artifacts'));
      stores.push({ out, records, artifacts, [Symbol.asyncDispose]: () => Promise.resolve() });
    } catch (cause) {
      const unreadable = cause instanceof ClawError && cause.code === 'StoreUnavailable';
      if (!unreadable) throw cause;
    }
  }
  const owned = open.move();
  return { stores, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function outputsOf(work: string): Promise<readonly string[]> {
  const names: readonly string[] = await readdir(work).catch(() => []);
  const below = names.toSorted().map((name) => join(work, name));
  return [work, ...below].filter((out) => existsSync(join(storeDir(out), 'records.sqlite')));
}
