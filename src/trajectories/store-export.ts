import { Readable } from 'node:stream';
import type { BatchId, Sha256 } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import {
  type ExportManifest,
  type ExportOptions,
  type ExportSource,
  exportMessages,
} from './export-messages.ts';
import { SPLITS, type Split } from './split-clusters.ts';

/** An export as artifacts: its manifest names its files. */
export interface StoredExportFiles {
  /** SHA-256 of the manifest: of the whole export. */
  readonly digest: Sha256;
  readonly rollouts: number;
  readonly rows: number;
  /** By name: `train.jsonl`, `validation.jsonl`. */
  readonly files: Readonly<Record<string, Sha256>>;
}

export interface StoreExportDeps {
  readonly store: ExportSource['store'];
  readonly artifacts: Pick<ArtifactStore, 'put' | 'putStream' | 'read'>;
}

const MAX_FILE_BYTES = 64 * 1024 ** 3;

/** Makes an export and keeps it; the same decisions give the same digest. */
export async function storeExport(
  batches: readonly BatchId[],
  options: ExportOptions,
  { store, artifacts }: StoreExportDeps,
): Promise<StoredExportFiles> {
  const files: Record<string, { readonly sha256: Sha256; readonly bytes: number }> = {};
  const manifests: ExportManifest[] = [];
  // A pass for each file that has rows: two streams from one reader would have to be held in memory.
  for (const split of SPLITS) {
    const none = split === 'validation' && options.split.validationPercent === 0;
    const rows = exportMessages({ store, artifacts }, batches, options);
    const lines = none ? [] : linesOf(rows, split, (manifest) => manifests.push(manifest));
    const { digest, size } = await artifacts.putStream(Readable.from(lines), {
      maxBytes: MAX_FILE_BYTES,
    });
    files[`${split}.jsonl`] = { sha256: digest, bytes: size };
  }
  const manifest = { ...manifests[0], files };
  const { digest } = await artifacts.put(Buffer.from(`${canonicalJson(manifest)}\n`));
  const counts = manifests[0];
  return {
    digest,
    rollouts: counts?.rollouts.taken ?? 0,
    rows: (counts?.splits.train.rows ?? 0) + (counts?.splits.validation.rows ?? 0),
    files: Object.fromEntries(Object.entries(files).map(([name, { sha256 }]) => [name, sha256])),
  };
}

async function* linesOf(
  rows: ReturnType<typeof exportMessages>,
  split: Split,
  atEnd: (manifest: ExportManifest) => void,
): AsyncGenerator<Buffer> {
  for (;;) {
    const next = await rows.next();
    if (next.done === true) return atEnd(next.value);
    if (next.value.split === split) yield Buffer.from(`${next.value.text}\n`);
  }
}
