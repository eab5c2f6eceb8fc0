import { Readable } from 'node:stream';
import { z } from 'zod';
import type { ExportSpec } from '../../api/export-spec.ts';
import { type BatchId, parseJson, type Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { zSha256 } from '../../protocol/fields.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { sessionOpenings } from '../../trajectories/call-tree.ts';
import { DEFAULT_EXPORT_FILTER } from '../../trajectories/export-filter.ts';
import {
  type ExportManifest,
  type ExportSource,
  type ExportTask,
  exportMessages,
} from '../../trajectories/export-messages.ts';
import { SPLITS, type Split } from '../../trajectories/split-clusters.ts';
import type { PlannedBatch } from './live-batch.ts';

/** What a batch keeps of its exports: enough for its status, and every digest that must stay. */
const zStoredExports = z.array(
  z.object({
    name: z.string(),
    digest: zSha256,
    rollouts: z.number().int(),
    rows: z.number().int(),
    files: z.record(z.string(), zSha256),
  }),
);
export type StoredExport = z.infer<typeof zStoredExports>[number];

const MAX_FILE_BYTES = 64 * 1024 ** 3;

export interface ExportDeps {
  readonly store: ExportSource['store'];
  readonly artifacts: Pick<ArtifactStore, 'put' | 'putStream' | 'read'>;
}

/** The exports that the spec names, as artifacts; the same decisions give the same digests. */
export async function makeExports(
  { row, frozen, tasks }: Pick<PlannedBatch, 'row' | 'frozen' | 'tasks'>,
  deps: ExportDeps,
): Promise<readonly StoredExport[]> {
  const known = new Map<Sha256, ExportTask>();
  for (const { task, digest } of tasks.values()) {
    known.set(digest, {
      cluster: task.cluster,
      openings: sessionOpenings(task.instruction.turns),
    });
  }
  const made: StoredExport[] = [];
  for (const spec of frozen.spec.exports ?? []) made.push(await makeOne(row.id, spec, known, deps));
  return made;
}

async function makeOne(
  batch: BatchId,
  spec: ExportSpec,
  tasks: ReadonlyMap<Sha256, ExportTask>,
  { store, artifacts }: ExportDeps,
): Promise<StoredExport> {
  const options = {
    filter: {
      outcomes: spec.outcomes ?? DEFAULT_EXPORT_FILTER.outcomes,
      minScore: Number(spec.minScore),
    },
    split: { validationPercent: spec.validationPercent, seed: spec.seed },
    tasks,
  };
  const files: Record<string, { readonly sha256: Sha256; readonly bytes: number }> = {};
  const manifests: ExportManifest[] = [];
  // A pass for each file that has rows: two streams from one reader would have to be held in memory.
  for (const split of SPLITS) {
    const none = split === 'validation' && spec.validationPercent === 0;
    const rows = exportMessages({ store, artifacts }, [batch], options);
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
    name: spec.name,
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

export const exportsNote = (made: readonly StoredExport[]): string => canonicalJson(made);

export function readExportsNote(note: string | undefined): readonly StoredExport[] {
  return note === undefined ? [] : zStoredExports.parse(parseJson(note));
}
