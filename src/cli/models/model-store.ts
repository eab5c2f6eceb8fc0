import { chmodSync, existsSync } from 'node:fs';
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
import { storeDir } from '../local-session.ts';

/** Records and artifacts of a work folder, to read; safe beside a run that goes on there. */
export interface WorkReader extends AsyncDisposable {
  readonly records: RecordReader & ObjectReader;
  readonly artifacts: ArtifactStore;
}

/** The same, owned by this process. */
export interface WorkStore extends AsyncDisposable {
  readonly records: RecordStore & ObjectRecords;
  readonly artifacts: ArtifactStore;
}

/** Throws `NotFound` where the folder holds no store. */
export async function openWorkReader(out: string): Promise<WorkReader> {
  const folder = storeDir(out);
  if (!existsSync(folder)) {
    throw new ClawError(
      'NotFound',
      `${out} holds no store: name the folder of a run with --out, or begin one with: clawgym models import DIR --out ${out}`,
    );
  }
  const records = await openSqliteReader(folder);
  const artifacts = await openFileArtifacts(join(folder, 'artifacts'));
  return { records, artifacts, [Symbol.asyncDispose]: () => records[Symbol.asyncDispose]() };
}

/** Opens the store of a work folder, which is made where it is missing. */
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
