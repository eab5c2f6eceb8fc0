import type { PrinterColumn } from './define-resource.ts';

/** Columns of `kubectl get` that several kinds have. */
export const AGE_COLUMN = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since creation.',
} as const satisfies PrinterColumn;

/** What a run is doing, in the word of its condition. */
export const statusColumn = (description: string): PrinterColumn => ({
  name: 'Status',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Progressing")].reason',
  description,
});

/** @param jsonPath where the spec names the queue */
export const queueColumn = (jsonPath: string): PrinterColumn => ({
  name: 'Queue',
  type: 'string',
  jsonPath,
  description: 'Kueue queue.',
  priority: 1,
});
