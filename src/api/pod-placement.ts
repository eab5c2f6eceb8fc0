import { z } from 'zod';
import { zInt32, zObjectName, zText } from './fields.ts';
import { zAtomicList, zListMap } from './lists.ts';
import { zStringMap } from './map-field.ts';
import { withRules } from './rules.ts';
import { zQueueName, zSecretRef } from './task-source.ts';

const zToleration = (pods: string) =>
  withRules(
    z
      .object({
        key: zText(317).optional().describe('Taint key; absent with Exists: every taint.'),
        operator: z.enum(['Equal', 'Exists']).default('Equal').describe('How value is compared.'),
        value: z.string().max(63).optional().describe('Taint value; only for Equal.'),
        effect: z
          .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
          .optional()
          .describe('Taint effect; absent: every effect.'),
        tolerationSeconds: zInt32(0)
          .optional()
          .describe('How long a NoExecute taint is tolerated; absent: for ever.'),
      })
      .describe(`One taint that ${pods} tolerate.`),
    [
      {
        rule: "has(self.key) || self.operator == 'Exists'",
        message: 'a toleration without key needs the operator Exists',
        holds: (self) => self.key !== undefined || self.operator === 'Exists',
      },
      {
        rule: "!has(self.value) || self.operator == 'Equal'",
        message: 'value is refused with the operator Exists',
        holds: (self) => self.value === undefined || self.operator === 'Equal',
      },
    ],
  );

/** Where pods run and what admits them. `pods` names them in the texts: "sandbox pods". */
export const placementFields = (pods: string) => ({
  runtimeClassName: zObjectName.optional().describe('RuntimeClass, for example of gVisor.'),
  nodeSelector: zStringMap({
    keyPattern: /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?[/])?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
    keyHint: 'expected label keys',
    maxKeyLength: 317,
    maxProperties: 32,
    maxValueLength: 63,
    description: 'Labels that the node must carry.',
  }).optional(),
  tolerations: zAtomicList(zToleration(pods), {
    max: 16,
    description: `Taints that ${pods} tolerate.`,
  }).optional(),
  priorityClassName: zObjectName.optional().describe(`PriorityClass of ${pods}.`),
  queueName: zQueueName.optional().describe('Kueue LocalQueue that admits the Jobs.'),
  imagePullSecrets: zListMap(zSecretRef.describe('A pull Secret.'), 'name', {
    max: 8,
    description: 'Secrets with which images are pulled.',
  }).optional(),
});
