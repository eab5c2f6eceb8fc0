import { z } from 'zod';
import { asSha256, type Sha256 } from '../base/brand.ts';
import { zArtifact, zName, zText } from './fields.ts';
import { exactlyOneOf, withRules } from './rules.ts';

/** Fields that name a model that is kept as an artifact; every kind that takes one spells them so. */
export const modelRefFields = {
  artifact: zArtifact
    .optional()
    .describe('Model artifact in the artifact store, by the SHA-256 of its manifest.'),
  trainingRun: z
    .object({ name: zName(40).describe('Name of the TrainingRun.') })
    .optional()
    .describe('The model that a TrainingRun of the same namespace ended with.'),
};

/** The model that training starts from. Resolved once, to a digest, when the run begins. */
export const zBaseModel = withRules(
  z
    .object({
      ...modelRefFields,
      path: zText(4096)
        .optional()
        .describe(
          'Folder of a model in the layout of Hugging Face, relative to the manifest. Only the local engine reads it; a cluster refuses it.',
        ),
    })
    .describe('The model that training starts from.'),
  [exactlyOneOf(['artifact', 'trainingRun', 'path'], 'the base model')],
);
export type BaseModel = z.infer<typeof zBaseModel>;

/** The digest in an `artifact` field. */
export const artifactDigest = (artifact: string): Sha256 =>
  asSha256(artifact.replace(/^sha256:/, ''));
