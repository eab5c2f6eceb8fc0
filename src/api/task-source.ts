import { z } from 'zod';
import { zDigest, zHttpUrl, zName, zObjectName, zTaskId, zText } from './fields.ts';
import { zAtomicList, zScalarSet } from './lists.ts';
import { zStringMap } from './map-field.ts';
import { exactlyOneOf, withRules } from './rules.ts';

const LABEL_KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?[/])?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

const zLabelRequirement = withRules(
  z
    .object({
      key: zText(317).regex(LABEL_KEY, 'expected a label key').describe('Label that is compared.'),
      operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('How it is compared.'),
      values: zAtomicList(z.string().max(63).describe('A label value.'), {
        min: 1,
        max: 100,
        description: 'Compared with; only for In and NotIn.',
      }).optional(),
    })
    .describe('One requirement on labels.'),
  [
    {
      rule: "(self.operator in ['In', 'NotIn']) == has(self.values)",
      message: 'values is required for In and NotIn and refused for Exists and DoesNotExist',
      holds: (self) =>
        (self.operator === 'In' || self.operator === 'NotIn') === (self.values !== undefined),
    },
  ],
);

const zSelector = withRules(
  z
    .object({
      matchLabels: zStringMap({
        keyPattern: LABEL_KEY,
        keyHint: 'expected label keys',
        maxKeyLength: 317,
        maxProperties: 32,
        maxValueLength: 63,
        description: 'Labels that the ClawTasks carry.',
      }).optional(),
      matchExpressions: zAtomicList(zLabelRequirement, {
        max: 32,
        description: 'Requirements that the labels of the ClawTasks fulfil.',
      }).optional(),
    })
    .describe('Every ClawTask of the namespace (locally: of the manifest) that matches all parts.'),
  [
    {
      rule: 'has(self.matchLabels) || has(self.matchExpressions)',
      message: 'selector takes matchLabels, matchExpressions or both',
      holds: (self) => self.matchLabels !== undefined || self.matchExpressions !== undefined,
    },
  ],
);

/** Where tasks come from. Resolved once at planning and frozen (design: rollouts.md 8). */
export const zTaskSource = withRules(
  z
    .object({
      digest: zDigest.optional().describe('Task-set artifact in the artifact store, by SHA-256.'),
      selector: zSelector.optional(),
      configMap: z
        .object({
          name: zObjectName.describe('Name of the ConfigMap.'),
          key: zText(253).describe('Key whose value is the task set or the tasks as JSONL.'),
        })
        .optional()
        .describe(
          'Tasks in a ConfigMap of the namespace. Locally: of the same file, or of the folder that -f names.',
        ),
      persistentVolumeClaim: z
        .object({
          claimName: zObjectName.describe('Name of the claim.'),
          path: zText(1024).describe('Path of the tasks on the volume.'),
        })
        .optional()
        .describe('Tasks on a volume of the namespace.'),
      url: z
        .object({
          url: zHttpUrl.describe('https address; its host must be on the allow-list.'),
          digest: zDigest.describe('SHA-256 that the downloaded bytes must have.'),
        })
        .optional()
        .describe('Tasks behind a URL, pinned by digest. No redirects.'),
      synthesisJob: z
        .object({ name: zObjectName.describe('Name of the SynthesisJob.') })
        .optional()
        .describe(
          'Accepted tasks of a SynthesisJob of the namespace, once it is complete. Locally: of its output folder beside that of this run.',
        ),
      path: zText(4096)
        .optional()
        .describe(
          'Folder or file of tasks, relative to the manifest. Only the local engine reads it; a cluster refuses it.',
        ),
      taskIds: zScalarSet(zTaskId.describe('Id of a task.'), {
        min: 1,
        max: 1000,
        description: 'Only these tasks of the source. Absent: all.',
      }).optional(),
    })
    .describe(
      'Where the tasks come from. Read once, at planning; later changes are reported only.',
    ),
  [
    exactlyOneOf(
      ['digest', 'selector', 'configMap', 'persistentVolumeClaim', 'url', 'synthesisJob', 'path'],
      'the task source',
    ),
  ],
);
export type TaskSource = z.infer<typeof zTaskSource>;

/** Reference to a Secret by name in the same namespace. */
export const zSecretRef = z.object({ name: zObjectName.describe('Name of the Secret.') });

export const zQueueName = zName(63);
