import { z } from 'zod';
import { canonicalJson } from '../../base/canonical-json.ts';
import { GATES, type WorkItem } from '../cluster-records.ts';
import { json, zAttemptId, zDigest } from './columns.ts';

/** A column that holds a work item: equal items are equal texts, so that an index can find them. */
export const zItemColumn = json(
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('rollout'), position: z.int() }),
    z.object({
      kind: z.literal('verification'),
      attempt: zAttemptId,
      verification: z.enum(['main', 'asLeft', 'doubled', 'pristine']),
    }),
    z.object({ kind: z.literal('gate'), taskDigest: zDigest, gate: z.enum(GATES) }),
  ]),
);

export function itemColumn(item: WorkItem): string {
  switch (item.kind) {
    case 'rollout':
      return canonicalJson({ kind: item.kind, position: item.position });
    case 'verification': {
      const { kind, attempt, verification } = item;
      return canonicalJson({ kind, attempt, verification });
    }
    case 'gate':
      return canonicalJson({ kind: item.kind, taskDigest: item.taskDigest, gate: item.gate });
  }
}
