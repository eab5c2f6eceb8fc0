import { z } from 'zod';
import { zCount, zTime } from './fields.ts';
import { zListMap } from './lists.ts';

/** metav1.Condition, field for field (Kubernetes API conventions, typical status properties). */
export const zCondition = z
  .object({
    type: z
      .string()
      .min(1)
      .max(316)
      .regex(
        /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/,
      )
      .describe('What the condition answers, in CamelCase.'),
    status: z.enum(['True', 'False', 'Unknown']).describe('The answer.'),
    observedGeneration: zCount
      .optional()
      .describe('The metadata.generation that the condition was set for.'),
    lastTransitionTime: zTime.describe('When status last changed.'),
    reason: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
      .describe('One CamelCase word for programs.'),
    message: z.string().max(32_768).describe('A sentence for people; says what to do next.'),
  })
  .describe('One observation of the object.');

/** Conditions keyed by type. */
export const zConditions = zListMap(zCondition, 'type', {
  max: 32,
  description: 'Observations of the object, one a type.',
}).optional();

export const zObservedGeneration = zCount
  .optional()
  .describe('The metadata.generation that this status was computed from.');
