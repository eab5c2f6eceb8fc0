import { z } from 'zod';
import type { ExportSpec } from '../../api/export-spec.ts';
import { type BatchId, parseJson, type Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { zSha256 } from '../../protocol/fields.ts';
import { sessionOpenings } from '../../trajectories/call-tree.ts';
import { DEFAULT_EXPORT_FILTER } from '../../trajectories/export-filter.ts';
import type { ExportTask } from '../../trajectories/export-messages.ts';
import { type StoreExportDeps, storeExport } from '../../trajectories/store-export.ts';
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

/** The exports that the spec names, as artifacts; the same decisions give the same digests. */
export async function makeExports(
  { row, frozen, tasks }: Pick<PlannedBatch, 'row' | 'frozen' | 'tasks'>,
  deps: StoreExportDeps,
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
  deps: StoreExportDeps,
): Promise<StoredExport> {
  const options = {
    filter: {
      outcomes: spec.outcomes ?? DEFAULT_EXPORT_FILTER.outcomes,
      minScore: Number(spec.minScore),
    },
    split: { validationPercent: spec.validationPercent, seed: spec.seed },
    tasks,
  };
  const made = await storeExport([batch], options, deps);
  return { name: spec.name, ...made };
}

export const exportsNote = (made: readonly StoredExport[]): string => canonicalJson(made);

export function readExportsNote(note: string | undefined): readonly StoredExport[] {
  return note === undefined ? [] : zStoredExports.parse(parseJson(note));
}
