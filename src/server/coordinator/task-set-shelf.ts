import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isSha256, type Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import {
  DEFAULT_TASK_SET_LIMITS,
  type OpenTaskSet,
  openTaskSet,
} from '../../tasks/set/open-task-set.ts';
import { writeTaskSet } from '../../tasks/set/write-task-set.ts';
import type { BlobSource, TaskEntry, TaskSet } from '../../tasks/task-set.ts';

export interface TaskSetShelfOptions {
  readonly artifacts: ArtifactStore;
  /** Folder of this process: task sets as files, made anew from the artifacts where they lack. */
  readonly folder: string;
  readonly newName: () => string;
  readonly signal: AbortSignal;
}

/** Task sets by digest: stored as artifacts, opened once each from a file beside them. */
export class TaskSetShelf implements AsyncDisposable {
  readonly #options: TaskSetShelfOptions;
  readonly #open = new Map<Sha256, Promise<OpenTaskSet>>();

  constructor(options: TaskSetShelfOptions) {
    this.#options = options;
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
    const known = this.#open.get(digest) ?? this.#openFile(digest);
    this.#open.set(digest, known);
    try {
      const set = await known;
      // Whoever asks is about to name it; a file beside the artifacts outlives none that is swept.
      if (!(await this.#options.artifacts.keep(digest))) throw notStored(digest);
      return set;
    } catch (cause) {
      this.#open.delete(digest);
      throw cause;
    }
  }

  /** Closes and removes the files of task sets that are artifacts no more. */
  async tidy(): Promise<void> {
    const { artifacts, folder } = this.#options;
    for (const name of await readdir(folder).catch(() => [])) {
      const digest = name.slice(0, -'.tar'.length);
      if (!isSha256(digest) || (await artifacts.size(digest)) !== undefined) continue;
      const open = this.#open.get(digest);
      this.#open.delete(digest);
      await open?.then((set) => set.close()).catch(() => undefined);
      await rm(this.#file(digest), { force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opening of this.#open.values()) {
      await opening.then((set) => set.close()).catch(() => undefined);
    }
    this.#open.clear();
  }

  async #openFile(digest: Sha256): Promise<OpenTaskSet> {
    const { artifacts, signal } = this.#options;
    const known = await openTaskSet(this.#file(digest), signal).catch(() => undefined);
    if (known?.digest === digest) return known;
    await known?.close();
    if (!(await artifacts.keep(digest))) throw notStored(digest);
    const aside = await this.#aside();
    await pipeline(await artifacts.stream(digest), createWriteStream(aside, { flags: 'wx' }));
    await rename(aside, this.#file(digest));
    return await openTaskSet(this.#file(digest), signal);
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
