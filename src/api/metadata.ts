import { z } from 'zod';
import { DNS_LABEL, zCount, zTime } from './fields.ts';

/**
 * Longest name of an object of ours: the names of its Jobs and of their pods' hosts, which carry
 * the batch's name, a uid part, a generation and an index, must stay below 64 characters.
 */
export const MAX_NAME_LENGTH = 40;

const zMap = (description: string) =>
  z.record(z.string().max(317), z.string().max(262_144)).optional().describe(description);

/** ObjectMeta as manifests and the API server write it; what only servers read stays opaque. */
export const zMetadata = z
  .object({
    name: z
      .string()
      .min(1)
      .max(
        MAX_NAME_LENGTH,
        `expected at most ${MAX_NAME_LENGTH} characters: names of Jobs and pods are made from it`,
      )
      .regex(
        DNS_LABEL,
        'expected lower-case letters, digits and dashes, starting and ending with a letter or digit',
      )
      .describe('Name, unique for the kind in its namespace.'),
    generateName: z.string().max(58).optional().describe('Prefix of a generated name.'),
    namespace: z.string().max(63).regex(DNS_LABEL).optional().describe('Namespace.'),
    labels: zMap('Labels, for selection.'),
    annotations: zMap('Annotations, for people and tools.'),
    uid: z.string().max(128).optional().describe('Identity, set by the server.'),
    resourceVersion: z.string().max(128).optional().describe('Version, set by the server.'),
    generation: zCount.optional().describe('Counts changes of spec, set by the server.'),
    creationTimestamp: zTime.optional().describe('Set by the server.'),
    deletionTimestamp: zTime.optional().describe('Set by the server.'),
    deletionGracePeriodSeconds: zCount.optional().describe('Set by the server.'),
    finalizers: z.array(z.string().max(317)).max(64).optional().describe('Finalizers.'),
    ownerReferences: z.array(z.unknown()).max(64).optional().describe('Owners.'),
    managedFields: z.array(z.unknown()).optional().describe('Set by the server.'),
    selfLink: z.string().optional().describe('Obsolete; ignored.'),
  })
  .describe('Standard object metadata.');
export type Metadata = z.infer<typeof zMetadata>;
