import { isRecord, parseJson } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { ClawError } from '../base/error.ts';
import type { BatchPlan } from '../engines/engine.ts';
import type { RecordReader } from '../store/record-reader.ts';

/**
 * Throws `Conflict` where the output folder holds one of these batches with another specification.
 * All are looked at before any is planned, so that a refused command leaves the folder as it was.
 */
export async function refuseOtherSpec(
  plans: readonly BatchPlan[],
  store: Pick<RecordReader, 'getBatch'>,
  out: string,
): Promise<void> {
  for (const { batch } of plans) {
    const known = await store.getBatch(batch.id);
    if (known === undefined || known.specDigest === batch.specDigest) continue;
    const changes = changesText(known.spec, batch.spec);
    throw new ClawError(
      'Conflict',
      `${out} holds arm ${batch.owner.arm} of an earlier run with other settings (${changes}). Results of different settings are never mixed: name another folder with --out, or use the settings of that run again to continue it`,
    );
  }
}

/**
 * Throws `Conflict` where the output folder holds a run of another kind or name: there is one report a
 * folder, and this run's would replace the other's. Returns the arms of the same run that `plans` leaves out.
 */
export async function refuseOtherRun(
  plans: readonly BatchPlan[],
  store: Pick<RecordReader, 'listBatches'>,
  out: string,
): Promise<readonly string[]> {
  const [first] = plans;
  if (first === undefined) return [];
  const { kind, name } = first.batch.owner;
  const known = await store.listBatches();
  const other = known.find(({ owner }) => owner.kind !== kind || owner.name !== name);
  if (other !== undefined) {
    throw new ClawError(
      'Conflict',
      `${out} holds the ${other.owner.kind} ${other.owner.name}, whose report this ${kind} ${name} would replace: name another folder with --out`,
    );
  }
  const planned = new Set<string>(plans.map(({ batch }) => batch.id));
  return known.filter(({ id }) => !planned.has(id)).map(({ owner }) => owner.arm);
}

/** What two specifications, as canonical JSON, differ in: `seed: 7 there, 8 now; ...`. */
export function changesText(before: string, now: string): string {
  return changedFields(parseJson(before), parseJson(now))
    .map(({ field, was, is }) => `${field}: ${was} there, ${is} now`)
    .join('; ');
}

interface Change {
  readonly field: string;
  readonly was: string;
  readonly is: string;
}

function changedFields(was: unknown, is: unknown, field = ''): Change[] {
  if (canonicalJson(was ?? null) === canonicalJson(is ?? null)) return [];
  if (isRecord(was) && isRecord(is)) {
    const keys = new Set([...Object.keys(was), ...Object.keys(is)]);
    return [...keys].flatMap((key) =>
      changedFields(was[key], is[key], field === '' ? key : `${field}.${key}`),
    );
  }
  return [{ field, was: short(was), is: short(is) }];
}

const SHOWN = 60;

function short(value: unknown): string {
  const text = value === undefined ? 'none' : canonicalJson(value);
  if (/^"[0-9a-f]{64}"$/.test(text)) return text.slice(1, 13);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
