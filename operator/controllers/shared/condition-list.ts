import {
  type Condition,
  type ConditionState,
  findCondition,
  setCondition,
} from '../../kube/objects/conditions.ts';

/**
 * The whole list of conditions in the order of `states`, each with the time of its last change. What
 * `states` does not name is dropped: a status says only what was observed now.
 */
export function conditionList(
  previous: readonly Condition[] | undefined,
  states: readonly ConditionState[],
  generation: number | undefined,
  nowMs: number,
): Condition[] {
  return states.flatMap((state) => {
    const known = findCondition(previous, state.type);
    const next = { ...state, observedGeneration: generation };
    return setCondition(known === undefined ? [] : [known], next, nowMs);
  });
}
