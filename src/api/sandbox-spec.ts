import { z } from 'zod';
import { zInt32, zObjectName, zQuantity, zText } from './fields.ts';
import { zAtomicList, zListMap } from './lists.ts';
import { zStringMap } from './map-field.ts';
import { withRules } from './rules.ts';
import { zQueueName, zSecretRef } from './task-source.ts';

const zToleration = withRules(
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
    .describe('One taint that sandbox pods tolerate.'),
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

/**
 * What a user may say about sandbox pods: a closed list, never a free pod template
 * (design: rollouts.md 6). The local engine reads none of it.
 */
export const zSandbox = z
  .object({
    resources: z
      .object({
        cpu: zQuantity.optional().describe('CPU, for example "500m".'),
        memory: zQuantity.optional().describe('Memory; request and limit are equal.'),
        ephemeralStorage: zQuantity.optional().describe('Disk; request and limit are equal.'),
      })
      .optional()
      .describe("Resources of the agent's container. Absent fields: defaults of the installation."),
    runtimeClassName: zObjectName.optional().describe('RuntimeClass, for example of gVisor.'),
    nodeSelector: zStringMap({
      keyPattern: /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?[/])?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
      keyHint: 'expected label keys',
      maxKeyLength: 317,
      maxProperties: 32,
      maxValueLength: 63,
      description: 'Labels that the node must carry.',
    }).optional(),
    tolerations: zAtomicList(zToleration, {
      max: 16,
      description: 'Taints that sandbox pods tolerate.',
    }).optional(),
    priorityClassName: zObjectName.optional().describe('PriorityClass of sandbox pods.'),
    queueName: zQueueName.optional().describe('Kueue LocalQueue that admits the Jobs.'),
    imagePullSecrets: zListMap(zSecretRef.describe('A pull Secret.'), 'name', {
      max: 8,
      description: 'Secrets with which images are pulled.',
    }).optional(),
  })
  .describe('Placement and size of sandbox pods. The local engine ignores it.');
