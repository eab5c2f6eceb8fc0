import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Sha256 } from '../../base/brand.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import { READY_FILE } from '../model-artifact.ts';
import type { BatchSource } from './batch-source.ts';
import { readReady } from './policy-model.ts';
import type { Trained } from './step-notes.ts';

/** A file that the server is to have as an artifact. */
export interface Upload {
  readonly digest: Sha256;
  readonly size: number;
  /** From its beginning; a try that failed opens it again. */
  readonly open: () => Readable;
}

/** The server's batches of a run, as its pod asks for them. */
export interface ServedBatches extends BatchSource {
  /** The files of the version are put: the server keeps it as a model. Idempotent. */
  keepPolicy(number: number, word: Trained): Promise<void>;
}

export interface ForwardingOptions {
  readonly server: ServedBatches;
  /** RUN_OUT of the pod. */
  readonly out: string;
  /** Puts an artifact unless the server has it; returns once it does. */
  readonly put: (upload: Upload, signal: AbortSignal) => Promise<void>;
  /** Hands the newest checkpoint to the server; returns once another pod would go on from it. */
  readonly keepCheckpoint: (signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * The batches of a trainer in a pod, which has no token and no network but its pod's own. Before the
 * server hears that a batch is trained it has the policy that was made of it and the checkpoint that
 * holds it: a pod that is lost right then loses nothing, and no batch is trained on older weights.
 */
export function forwardedBatches(options: ForwardingOptions): BatchSource {
  const { server, keepCheckpoint, signal } = options;
  return {
    next: (after, gone) => server.next(after, gone),
    tokens: (number) => server.tokens(number),
    trained: async (number, word) => {
      await putPolicy(word, options);
      // Before anything else is put: what nothing names may be let go of at once.
      await server.keepPolicy(number, word);
      await keepCheckpoint(signal);
      await server.trained(number, word);
    },
  };
}

async function putPolicy(
  { policyVersion, manifestSha256 }: Trained,
  { out, put, signal }: ForwardingOptions,
): Promise<void> {
  const folder = join(out, 'policy', `v-${policyVersion}`);
  const path = join(folder, READY_FILE);
  const ready = await readFile(path).catch(() => undefined);
  // The word of a checkpoint that another pod wrote: the server has the policy, or says so.
  if (ready === undefined) return;
  const found = sha256(ready);
  if (found !== manifestSha256) {
    throw new ClawError(
      'InvalidInput',
      `manifestSha256 ${manifestSha256}: ${path} has SHA-256 ${found}`,
    );
  }
  for (const { path: name, size, sha256: digest } of readReady(ready, path)) {
    await put({ digest, size, open: () => createReadStream(join(folder, name)) }, signal);
  }
  await put({ digest: found, size: ready.length, open: () => createReadStream(path) }, signal);
}
