import { z } from 'zod';
import { zInt32, zQuantity, zText } from './fields.ts';
import { placementFields } from './pod-placement.ts';

export const zPodResources = z
  .object({
    cpu: zQuantity.optional().describe('CPU, for example "8".'),
    memory: zQuantity.optional().describe('Memory; request and limit are equal.'),
    ephemeralStorage: zQuantity.optional().describe('Disk; request and limit are equal.'),
  })
  .describe('Resources of a pod, GPUs aside.');

export const zGpuResource = zText(253).regex(
  /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
  'expected an extended resource such as "nvidia.com/gpu"',
);

/** Size and placement of the pods that train. The local engine reads none of it. */
export const zTrainerPods = z
  .object({
    nodes: zInt32(1, 1024).default(1).describe('Pods that train together, one a node.'),
    gpusPerNode: zInt32(0, 64).default(0).describe('GPUs of each pod; 0: CPU only.'),
    gpuResource: zGpuResource
      .default('nvidia.com/gpu')
      .describe('Extended resource that a GPU is asked for by.'),
    resources: zPodResources.optional(),
    ...placementFields('trainer pods'),
  })
  .describe('Placement and size of trainer pods. The local engine ignores it.');
