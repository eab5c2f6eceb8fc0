import { ownValue } from '../base/own-value.ts';
import type { TaskSource } from './task-source.ts';

export type LabelSelector = NonNullable<TaskSource['selector']>;

/** True where the labels fulfil every part of the selector, as the API server would decide it. */
export function selects(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => ownValue(labels, key) === value) &&
    matchExpressions.every((requirement) => fulfils(requirement, labels))
  );
}

/** `NotIn` also holds where the label is absent. */
function fulfils(
  { key, operator, values = [] }: NonNullable<LabelSelector['matchExpressions']>[number],
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = ownValue(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
