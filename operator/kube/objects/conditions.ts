import { z } from 'zod';
import { truncateText } from '../base/truncate-text.ts';
import { stampSeconds } from './time-stamps.ts';

/** What the API server takes as the message of a condition. */
const MAX_MESSAGE = 32_768;

/** `metav1.Condition`. */
export const zCondition = z.looseObject({
  /** CamelCase, an adjective or participle: `Ready`, `Complete`. */
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  /** `metadata.generation` that the condition speaks of. */
  observedGeneration: z.number().int().nonnegative().optional(),
  /** RFC 3339, whole seconds: when `status` last changed. */
  lastTransitionTime: z.string(),
  /** CamelCase, for programs; never empty. */
  reason: z.string(),
  /** For people. */
  message: z.string(),
});

export type Condition = z.infer<typeof zCondition>;

/** A condition as a controller states it; the time of its change is kept by `setCondition`. */
export interface ConditionState {
  readonly type: string;
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number | undefined;
}

/**
 * The list with `next` in it: in the place of the condition of its type, else at the end. The time
 * of the last change moves only where the status differs. Gives `conditions` itself where nothing
 * changes.
 *
 * @param nowMs Milliseconds since the epoch.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  next: ConditionState,
  nowMs: number,
): readonly Condition[] {
  const list = conditions ?? [];
  const known = findCondition(list, next.type);
  const { observedGeneration, ...state } = next;
  const condition: Condition = {
    ...state,
    message: truncateText(next.message, MAX_MESSAGE),
    lastTransitionTime:
      known?.status === next.status ? known.lastTransitionTime : stampSeconds(nowMs),
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
  };
  if (known === undefined) return [...list, condition];
  if (same(known, condition)) return list;
  return list.map((each) => (each === known ? condition : each));
}

export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** True where the condition is there and `True`. */
export function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

function same(one: Condition, other: Condition): boolean {
  return (
    one.status === other.status &&
    one.reason === other.reason &&
    one.message === other.message &&
    one.observedGeneration === other.observedGeneration
  );
}
