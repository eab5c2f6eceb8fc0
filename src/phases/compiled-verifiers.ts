import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../base/digest.ts';
import { errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import { readSmallRegular } from '../store/durable-file.ts';
import { ownProcessMark } from '../store/process-mark.ts';
import { removeOfDead } from '../store/remove-of-dead.ts';
import type { CodeVerifier } from '../tasks/task.ts';
import type { BlobSource, TaskSet } from '../tasks/task-set.ts';
import { compileVerifiers, type VerifierSource } from './compile-verifiers.ts';
import { verifierPlace } from './grade-spec.ts';
import type { ProcessSandbox } from './process-sandbox.ts';

/** A sandbox of their own takes as long as compiling a dozen. */
const BATCH = 64;
/** Longer ones are compiled by the grader, under the limits of their own run. */
const MAX_SOURCE_BYTES = 256 * 1024;
/** Compiled forms kept, of 25 KB each; beyond that the oldest half goes. */
const MAX_KEPT = 20_000;
/** Before each form stands its SHA-256, as text. */
const DIGEST_CHARS = 64;
const TEMPORARY = 'tmp';

export interface CompiledVerifiersOptions {
  /** Cache that sandboxes can reach; compiled forms of every engine of this user lie in it. */
  readonly cacheDir: string;
  readonly sandbox: ProcessSandbox;
  readonly logger: Logger;
}

/**
 * Compiled forms of Python verifiers, kept from run to run: compiling one takes as long as a tenth of
 * its run, and a task is graded many times. They are made beside the rollouts and never waited for.
 */
export class CompiledVerifiers implements AsyncDisposable {
  readonly #options: CompiledVerifiersOptions;
  readonly #folder: string;
  readonly #stop = new AbortController();
  #working: Promise<void> = Promise.resolve();

  constructor(options: CompiledVerifiersOptions) {
    this.#options = options;
    this.#folder = join(options.cacheDir, 'compiled-verifiers');
  }

  /** The compiled form with the interpreter's mark before it, or undefined where there is none yet. */
  of(verifier: CodeVerifier): Uint8Array | undefined {
    const wanted = this.#wanted(verifier);
    return wanted === undefined ? undefined : readSealed(join(this.#folder, wanted.key));
  }

  /** Starts to make those that are missing; a failure is told and costs only the time it would save. */
  prepare({ tasks, blobs }: TaskSet): void {
    const missing = new Map<string, Wanted>();
    for (const { task } of tasks) {
      const wanted = task.verifier && this.#wanted(task.verifier);
      if (wanted !== undefined && !this.#has(wanted.key)) missing.set(wanted.key, wanted);
    }
    if (missing.size === 0) return;
    this.#working = this.#working
      .then(() => this.#make([...missing.values()], blobs))
      .catch((cause: unknown) => {
        if (this.#stop.signal.aborted) return;
        const message = `verifiers are compiled at each grading: ${errorMessage(cause)}`;
        this.#options.logger.debug({ cause }, message);
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#working;
  }

  #wanted({ dialect, entry, files }: CodeVerifier): Wanted | undefined {
    if (dialect !== 'check-json' && dialect !== 'pinchbench') return undefined;
    const file = files.find(({ path }) => path === entry);
    if (file === undefined || file.size > MAX_SOURCE_BYTES) return undefined;
    const place = verifierPlace({ dialect, entry });
    const key = sha256(`${this.#options.sandbox.root}\n${place}\n${file.digest}`).slice(0, 40);
    return { key, place, read: (blobs) => blobs.read(file.digest) };
  }

  #has(key: string): boolean {
    return statSync(join(this.#folder, key), { throwIfNoEntry: false }) !== undefined;
  }

  async #make(missing: readonly Wanted[], blobs: BlobSource): Promise<void> {
    const temporary = join(this.#folder, TEMPORARY);
    await mkdir(temporary, { recursive: true });
    // Sandboxes reach what is compiled below it; a verifier is nobody else's business.
    for (const folder of [this.#folder, temporary]) await chmod(folder, 0o711);
    await removeOfDead(temporary);
    for (let from = 0; from < missing.length && !this.#stop.signal.aborted; from += BATCH) {
      const sources: VerifierSource[] = [];
      for (const { key, place, read } of missing.slice(from, from + BATCH)) {
        sources.push({ key, place, source: await read(blobs) });
      }
      const { sandbox } = this.#options;
      const made = await compileVerifiers(sources, sandbox, this.#aside(), this.#stop.signal);
      for (const [key, bytes] of made) await this.#keep(key, bytes);
    }
    forgetOldest(this.#folder);
  }

  /** A path that a later process can tell the owner of. */
  #aside(): string {
    return join(this.#folder, TEMPORARY, `${ownProcessMark()}.${randomUUID()}`);
  }

  async #keep(key: string, bytes: Uint8Array): Promise<void> {
    const aside = this.#aside();
    await writeFile(aside, Buffer.concat([Buffer.from(sha256(bytes)), bytes]), { mode: 0o600 });
    await rename(aside, join(this.#folder, key));
  }
}

/** An interpreter dies of a damaged form, and the verifier would be blamed for it. */
function readSealed(path: string): Uint8Array | undefined {
  const file = readSmallRegular(path);
  if (file === undefined) return undefined;
  const bytes = file.subarray(DIGEST_CHARS);
  if (sha256(bytes) === Buffer.from(file.subarray(0, DIGEST_CHARS)).toString()) return bytes;
  rmSync(path, { force: true });
  return undefined;
}

interface Wanted {
  readonly key: string;
  readonly place: string;
  readonly read: (blobs: BlobSource) => Promise<Uint8Array>;
}

function forgetOldest(folder: string): void {
  const names = readdirSync(folder).filter((name) => name !== TEMPORARY);
  if (names.length <= MAX_KEPT) return;
  const aged = names.map((name) => {
    const at = statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return { name, at };
  });
  for (const { name } of aged.toSorted((a, b) => a.at - b.at).slice(0, names.length / 2)) {
    rmSync(join(folder, name), { force: true });
  }
}
