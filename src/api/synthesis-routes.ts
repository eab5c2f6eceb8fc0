import { z } from 'zod';
import { zInt32, zObjectName, zText } from './fields.ts';
import { exactlyOneOf, withRules } from './rules.ts';

/** Where seeds come from, beside those that are part of the product. */
const zSeedSource = <T extends z.ZodType>(what: string, configMap: T) =>
  withRules(
    z
      .object({
        path: zText(4096)
          .optional()
          .describe(
            `${what}, relative to the manifest. Only the local engine reads it; a cluster refuses it.`,
          ),
        configMap: configMap.optional(),
      })
      .describe('Seeds of your own, instead of those that are part of the product.'),
    [exactlyOneOf(['path', 'configMap'], 'the source')],
  ).optional();

const zConfigMapName = zObjectName.describe('Name of the ConfigMap.');
const zPersonaMap = z
  .object({ name: zConfigMapName, key: zText(253).describe('Key whose value is read.') })
  .describe('In a ConfigMap of the namespace.');
const zSkillMap = z
  .object({
    name: zConfigMapName,
    key: zText(253)
      .optional()
      .describe(
        'Only this skill. Absent: every key is the name of a skill, its value the SKILL.md.',
      ),
  })
  .describe('In a ConfigMap of the namespace, a key a skill.');

const zWeight = zInt32(1, 1000)
  .default(1)
  .describe('Share of the records that take this route, relative to the other one.');

const zPersonaRoute = z
  .object({
    weight: zWeight,
    count: zInt32(1, 1_000_000)
      .optional()
      .describe('Only the first so many personas of the source. Absent: all.'),
    operations: zInt32(1, 5).default(3).describe('Operations that each task must need.'),
    source: zSeedSource('A file of JSON lines with id and persona', zPersonaMap),
  })
  .describe('A persona, a category of work and some operations make a task.');

const zSkillRoute = z
  .object({
    weight: zWeight,
    supporting: zInt32(0, 3)
      .default(3)
      .describe('Most skills that a task needs beside its primary one.'),
    source: zSeedSource('A folder of skill folders, each with a SKILL.md', zSkillMap),
  })
  .describe('One primary skill and some supporting ones make a task.');

/** At least one way from seeds to tasks. */
export const zSynthesisRoutes = withRules(
  z
    .object({ personas: zPersonaRoute.optional(), skills: zSkillRoute.optional() })
    .describe('Ways from seeds to tasks.'),
  [
    {
      rule: 'has(self.personas) || has(self.skills)',
      message: 'routes takes personas, skills or both; {} is a route with its defaults',
      holds: (self) => self.personas !== undefined || self.skills !== undefined,
    },
  ],
);
