import { ClawError } from '../../base/error.ts';
import type { Shape } from '../../protocol/operator-api.ts';

/** With index and random end a pod's name stays below 64 characters, so that it fits a label. */
const MAX_LENGTH = 52;
const SHAPE_ID = /^[a-z0-9]{1,16}$/;
const LETTER = { rollout: 'g', verify: 'v' } as const;

export interface JobNameParts {
  readonly batch: { readonly name: string; readonly uid: string };
  readonly shape: Pick<Shape, 'id' | 'phase'>;
  /** From 1. */
  readonly generation: number;
}

/**
 * The one name of a Job: `BATCH-UID5-SHAPE-g1`, or `-v1` for a verification wave
 * (design: cluster.md 2). A DNS label of at most 52 characters: the batch's name is cut. Throws
 * `InvalidInput` for a shape id or generation that is none.
 */
export function jobName({ batch, shape, generation }: JobNameParts): string {
  const tail = `-${uidPart(batch.uid)}-${shape.id}-${LETTER[shape.phase]}${generation}`;
  if (!SHAPE_ID.test(shape.id) || !Number.isSafeInteger(generation) || generation < 1) {
    throw new ClawError(
      'InvalidInput',
      `Job of ${batch.name}: shape '${shape.id}', generation ${generation}: expected at most 16 of a-z and 0-9, and a whole number from 1`,
    );
  }
  return named(batch.name, tail, 'batch');
}

/** The one name of a Job of trainers: `RUN-UID5-t1`, for the start with that number. */
export function trainerJobName(
  run: { readonly name: string; readonly uid: string },
  attempt: number,
): string {
  return named(run.name, `-${uidPart(run.uid)}-t${attempt}`, 'training');
}

function named(name: string, tail: string, otherwise: string): string {
  const head = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_LENGTH - tail.length)
    .replaceAll(/^-+|-+$/g, '');
  return head === '' ? `${otherwise}${tail}` : `${head}${tail}`;
}

/** Uids are random UUIDs; what else an API server may call a uid still gives five characters. */
function uidPart(uid: string): string {
  return uid
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')
    .slice(0, 5)
    .padEnd(5, '0');
}
