import { z } from 'zod';
import { zQuantity } from './fields.ts';
import { placementFields } from './pod-placement.ts';

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
    ...placementFields('sandbox pods'),
  })
  .describe('Placement and size of sandbox pods. The local engine ignores it.');
