import { z } from 'zod';
import { parseJson, type Sha256 } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { zSha256 } from '../protocol/fields.ts';
import type { ObjectReader, ObjectRecords, ObjectRow } from '../store/object-records.ts';
import { type ResultRows, zResultRows } from './result.ts';

const IMPORTED = 'Model';
const TRAINED = 'TrainingRun';

/** A model that the store knows by more than its bytes. */
export interface KnownModel {
  readonly digest: Sha256;
  /** The TrainingRun that made it, or the folder that it was imported from. */
  readonly from: { readonly kind: 'run' | 'import'; readonly name: string };
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const zMade = z.object({ model: zSha256 });
const zRows = z.object({ rows: zResultRows.optional() });
const zImport = z.object({ source: z.string() });

/** The model that a finished TrainingRun ended with. */
export function modelOf({ end }: ObjectRow): Sha256 | undefined {
  return end?.state === 'complete' ? zMade.parse(parseJson(end.result)).model : undefined;
}

/** What became of the rows that a finished TrainingRun had to learn from; absent for reinforcement. */
export function rowsOf({ end }: ObjectRow): ResultRows | undefined {
  return end?.state === 'complete' ? zRows.parse(parseJson(end.result)).rows : undefined;
}

/** What a TrainingRun leaves in its row, with whatever else is to be remembered. */
export const madeModel = (model: Sha256, more: object): string => canonicalJson({ ...more, model });

/** Remembers a model that came from a folder; the same model twice is one. */
export async function recordImport(
  records: ObjectRecords,
  model: {
    readonly digest: Sha256;
    readonly source: string;
    readonly now: number;
    /** Its files, where a sweep keeps only what rows name. */
    readonly files?: readonly Sha256[];
  },
): Promise<void> {
  const { digest, source, now, files } = model;
  const row = { kind: IMPORTED, name: digest, specDigest: digest };
  await records.beginObject({ ...row, spec: canonicalJson({ source, files }), createdAt: now });
  const result = madeModel(digest, {});
  await records.endObject(IMPORTED, digest, { state: 'complete', result, endedAt: now });
}

/** Every model of a store, in order of time; one that was made twice stands twice. */
export async function listModels(records: ObjectReader): Promise<readonly KnownModel[]> {
  const imported = await records.listObjects(IMPORTED);
  const trained = await records.listObjects(TRAINED);
  const known = [
    ...imported.map((row) => knownModel(row, 'import', zImport.parse(parseJson(row.spec)).source)),
    ...trained.map((row) => knownModel(row, 'run', row.name)),
  ];
  return known.filter((model) => model !== undefined).toSorted((a, b) => a.at - b.at);
}

function knownModel(
  row: ObjectRow,
  kind: KnownModel['from']['kind'],
  name: string,
): KnownModel | undefined {
  const digest = modelOf(row);
  return digest && { digest, from: { kind, name }, at: row.end?.endedAt ?? row.createdAt };
}
