import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isSha256, type Sha256 } from '../../base/brand.ts';
import { ByteLru } from '../../base/byte-lru.ts';
import { ClawError } from '../../base/error.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import {
  DEFAULT_TASK_SET_LIMITS,
  type ReadTaskSet,
  readTaskSet,
} from '../../tasks/set/open-task-set.ts';
import { writeTaskSet } from '../../tasks/set/write-task-set.ts';
import type { BlobSource, TaskEntry, TaskSet } from '../../tasks/task-set.ts';

export interface TaskSetShelfOptions {
  readonly artifacts: ArtifactStore;
  /** Folder of this process: task sets as files, made anew from the artifacts where they lack. */
  readonly folder: string;
  readonly newName: () => string;
  readonly signal: AbortSignal;
  /** Bytes of tasks, as text, that stay in memory; absent: `KEPT_BYTES`. */
  readonly keptBytes?: number;
}

/** In memory some times as much; a set that is read again costs a pass over its file. */
const KEPT_BYTES = 64 * 1024 * 1024;

/**
 * Task sets by digest: stored as artifacts, read from a file beside them. Those that were used last stay in
 * memory; one that is let go of serves whoever holds it all the same.
 */
export class TaskSetShelf implements AsyncDisposable {
  readonly #options: TaskSetShelfOptions;
  readonly #kept: ByteLru<Sha256, ReadTaskSet>;
  /** Those that are being read: who asks meanwhile gets the same. */
  readonly #reading = new Map<Sha256, Promise<ReadTaskSet>>();

  constructor(options: TaskSetShelfOptions) {
    this.#options = options;
    this.#kept = new ByteLru(options.keptBytes ?? KEPT_BYTES);
  }

  /** Stores the tasks as an artifact; the set that is returned reads from the stored bytes. */
  async store(entries: readonly TaskEntry[], blobs: BlobSource): Promise<TaskSet> {
    const { artifacts, signal } = this.#options;
    const aside = await this.#aside();
    try {
      const { digest } = await writeTaskSet(aside, entries, blobs, signal);
      await artifacts.putStream(createReadStream(aside), {
        maxBytes: DEFAULT_TASK_SET_LIMITS.fileBytes,
      });
      await rename(aside, this.#file(digest));
      return await this.get(digest);
    } finally {
      await rm(aside, { force: true });
    }
  }

  /** Throws `NotFound` where no such task set was ever stored, `CorruptArtifact` where it is none. */
  async get(digest: Sha256): Promise<TaskSet> {
    const set = this.#kept.get(digest) ?? (await this.#read(digest));
    // Whoever asks is about to name it; a file beside the artifacts outlives none that is swept.
    if (await this.#options.artifacts.keep(digest)) return set;
    this.#kept.delete(digest);
    throw notStored(digest);
  }

  /** Removes the files of task sets that are artifacts no more. */
  async tidy(): Promise<void> {
    const { artifacts, folder } = this.#options;
    for (const name of await readdir(folder).catch(() => [])) {
      const digest = name.slice(0, -'.tar'.length);
      if (!isSha256(digest) || (await artifacts.size(digest)) !== undefined) continue;
      this.#kept.delete(digest);
      await rm(this.#file(digest), { force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#reading.values());
    this.#kept.clear();
  }

  async #read(digest: Sha256): Promise<ReadTaskSet> {
    const reading = this.#reading.get(digest) ?? this.#readFile(digest);
    this.#reading.set(digest, reading);
    try {
      const set = await reading;
      this.#kept.set(digest, set, set.tasksBytes);
      return set;
    } finally {
      this.#reading.delete(digest);
    }
  }

  async #readFile(digest: Sha256): Promise<ReadTaskSet> {
    const { artifacts, signal } = this.#options;
    const known = await readTaskSet(this.#file(digest), signal).catch(() => undefined);
    if (known?.digest === digest) return known;
    if (!(await artifacts.keep(digest))) throw notStored(digest);
    const aside = await this.#aside();
    try {
      await pipeline(await artifacts.stream(digest), createWriteStream(aside, { flags: 'wx' }));
      await rename(aside, this.#file(digest));
    } finally {
      await rm(aside, { force: true });
    }
    try {
      return await readTaskSet(this.#file(digest), signal);
    } catch (cause) {
      // Any artifact may be named: a copy of what is no task set would stay as long as the artifact.
      if (cause instanceof ClawError) await rm(this.#file(digest), { force: true });
      throw cause;
    }
  }

  #file(digest: Sha256): string {
    return join(this.#options.folder, `${digest}.tar`);
  }

  async #aside(): Promise<string> {
    const { folder, newName } = this.#options;
    await mkdir(folder, { recursive: true });
    return join(folder, `${newName()}.tmp`);
  }
}

function notStored(digest: Sha256): ClawError {
  return new ClawError(
    'NotFound',
    `no task set ${digest} is stored; put it there first, or name another source of tasks`,
  );
}
