import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Sha256 } from '../../base/brand.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import { InTurn } from '../../base/in-turn.ts';
import { type Imported, MAX_IMPORT_MIB } from '../../protocol/import-api.ts';
import type { ExpectImportBody } from '../../protocol/operator-api.ts';
import {
  DEFAULT_TASK_SET_LIMITS,
  openTaskSet,
  type TaskSetLimits,
} from '../../tasks/set/open-task-set.ts';
import type { TaskSet } from '../../tasks/task-set.ts';
import type { SourceDeps } from './resolve-source.ts';

/** More than that many pods read volumes at no time; the oldest is forgotten and told again. */
const MAX_EXPECTED = 1000;
export const MAX_IMPORT_BYTES = MAX_IMPORT_MIB * 1024 * 1024;
/** The rows of a set are parsed at once, in the memory of the server that everybody shares. */
const LIMITS: TaskSetLimits = {
  ...DEFAULT_TASK_SET_LIMITS,
  tasksBytes: 32 * 1024 ** 2,
  tasks: 10_000,
};
const WHAT_TO_DO =
  'split the tasks over several batches, or serve them as a task set behind a URL (spec.tasks.url)';

interface Expected extends ExpectImportBody {
  taken?: Sha256;
}

/**
 * Task sets that pods read from volumes of their namespaces hand in (design: cluster.md 9). Which pods
 * may do so is known from the operator alone and in memory: it tells again while a pod runs. The bytes
 * are hostile: what is stored is written anew from what was understood.
 */
export class TaskSetImports {
  readonly #deps: Pick<SourceDeps, 'shelf' | 'scratch' | 'newName'>;
  readonly #signal: AbortSignal;
  readonly #maxBytes: number;
  readonly #expected = new Map<string, Expected>();
  /** One upload of a pod after the other. */
  readonly #uploads = new InTurn();
  /** One set is parsed after the other, of whatever pod; an upload that is slow keeps nobody waiting. */
  readonly #parsing = new InTurn();

  /** @param signal Ends what is being taken when the server ends. */
  constructor(
    deps: Pick<SourceDeps, 'shelf' | 'scratch' | 'newName'>,
    signal: AbortSignal,
    maxBytes = MAX_IMPORT_BYTES,
  ) {
    this.#deps = deps;
    this.#signal = signal;
    this.#maxBytes = maxBytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  expect(podUid: string, body: ExpectImportBody): void {
    const known = this.#expected.get(podUid);
    this.#expected.delete(podUid);
    this.#expected.set(podUid, known ?? { ...body });
    const [oldest] = this.#expected.keys();
    if (this.#expected.size > MAX_EXPECTED && oldest !== undefined) this.#expected.delete(oldest);
  }

  expected(podUid: string): ExpectImportBody | undefined {
    return this.#expected.get(podUid);
  }

  /**
   * Stores what the pod hands in. Throws `InvalidInput` for bytes that are no sound task set, `TooLarge`,
   * and `Fenced` for a second, other set.
   */
  async take(podUid: string, bytes: Readable): Promise<Imported> {
    return await this.#uploads.run(podUid, async () => {
      const { scratch, newName } = this.#deps;
      const folder = join(scratch, newName());
      await mkdir(folder, { recursive: true, mode: 0o700 });
      try {
        const file = join(folder, 'handed-in.tar');
        const bounded = limited(bytes, this.#maxBytes);
        await pipeline(bounded, createWriteStream(file, { flags: 'wx', mode: 0o600 }), {
          signal: this.#signal,
        });
        const { digest, tasks } = await this.#parsing.run('set', () =>
          this.#store(file, this.#expected.get(podUid)),
        );
        return { digest, tasks: tasks.length };
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  }

  async #store(file: string, expected: Expected | undefined): Promise<TaskSet> {
    const set = await openTaskSet(file, this.#signal, LIMITS).catch((thrown: unknown) => {
      this.#signal.throwIfAborted();
      if (thrown instanceof ClawError && thrown.code === 'TooLarge')
        throw tooLarge(reasonOf(thrown));
      throw unsound(thrown);
    });
    try {
      if (expected?.taken !== undefined && expected.taken !== set.digest) {
        throw new ClawError('Fenced', `this pod has handed in task set ${expected.taken} already`);
      }
      const stored = await this.#deps.shelf.store(set.tasks, set.blobs).catch((thrown: unknown) => {
        const corrupt = thrown instanceof ClawError && thrown.code === 'CorruptArtifact';
        throw corrupt ? unsound(thrown) : thrown;
      });
      if (expected !== undefined) expected.taken = stored.digest;
      return stored;
    } finally {
      await set.close();
    }
  }
}

/** Not a fault of the store: the pod must not try it again. */
function unsound(cause: unknown): ClawError {
  const why = reasonOf(cause);
  return new ClawError('InvalidInput', `what the pod handed in is no task set: ${why}`, { cause });
}

const tooLarge = (why: string): ClawError =>
  new ClawError('TooLarge', `a task set from a volume: ${why}; ${WHAT_TO_DO}`);

/** Without the path in the server's scratch. */
const reasonOf = (thrown: unknown): string =>
  errorMessage(thrown).replace(/^.*handed-in\.tar: /s, '');

async function* limited(bytes: AsyncIterable<unknown>, max: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of bytes) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > max) throw tooLarge(`more than ${max} bytes`);
    yield chunk;
  }
}
