import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import { READY_FILE } from '../model-artifact.ts';
import type { BatchSource } from './batch-source.ts';
import { readReady } from './policy-model.ts';
import type { Trained } from './step-notes.ts';

/** The server's batches of a run, as its pod asks for them. */
export interface ServedBatches extends BatchSource {
  /** The files of the version are put: the server keeps it as a model. Idempotent. */
  keepPolicy(number: number, word: Trained): Promise<void>;
}

export interface ForwardingOptions {
  readonly server: ServedBatches;
  /** RUN_OUT of the pod. */
  readonly out: string;
  /** Puts a file as an artifact; returns once the server has it. */
  readonly put: (file: string, size: number) => Promise<unknown>;
  /** Whatever else puts something waits: what nothing names yet may be let go of with the next word. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Hands the newest checkpoint to the server; returns once another pod would go on from it. */
  readonly keepCheckpoint: () => Promise<void>;
}

/**
 * The batches of a trainer in a pod, which has no token and no network but its pod's own. Before the
 * server hears that a batch is trained it has the policy that was made of it and the checkpoint that
 * holds it: a pod that is lost right then loses nothing, and no batch is trained on older weights.
 */
export function forwardedBatches(options: ForwardingOptions): BatchSource {
  const { server, inTurn, keepCheckpoint } = options;
  let kept: string | undefined;
  return {
    next: (after, gone) => server.next(after, gone),
    tokens: (number) => server.tokens(number),
    trained: async (number, word) => {
      await inTurn(async () => {
        // A trainer that got no answer for long says it again.
        if (kept === word.manifestSha256) return;
        await putPolicy(word, options);
        await server.keepPolicy(number, word);
        kept = word.manifestSha256;
      });
      await keepCheckpoint();
      await server.trained(number, word);
    },
  };
}

async function putPolicy(
  { policyVersion, manifestSha256 }: Trained,
  { out, put }: ForwardingOptions,
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
  for (const file of readReady(ready, path)) await put(join(folder, file.path), file.size);
  await put(path, ready.length);
}
