import { z } from 'zod';
import { ClawError } from '../base/error.ts';
import type { Label, SeedSet } from './seeds/seed-set.ts';
import { fromRounds, seededRandom, shuffled } from './seeds/seeded-random.ts';

const zLabel = z.strictObject({ id: z.string(), name: z.string(), group: z.string() });
const zSkill = z.strictObject({ id: z.string(), description: z.string(), body: z.string() });

/** What one record is made from. */
export const zSample = z.discriminatedUnion('route', [
  z.strictObject({
    route: z.literal('persona'),
    persona: z.strictObject({ id: z.string(), text: z.string() }),
    category: zLabel,
    operations: z.array(zLabel).min(1),
  }),
  z.strictObject({
    route: z.literal('skill'),
    primary: zSkill,
    supporting: z.array(zSkill),
    category: zLabel,
  }),
]);
export type Sample = z.infer<typeof zSample>;

/** How records are shared out among the routes; an absent route gets none. */
export interface SampleRules {
  readonly seed: number;
  readonly personas?: { readonly weight: number; readonly operations: number } | undefined;
  readonly skills?: { readonly weight: number; readonly supporting: number } | undefined;
}

/**
 * Pure: what record `number` (from 1) is made from. A function of seeds, rules and number alone, so a
 * record is the same whatever was sampled or lost before it. Personas, categories and primary skills
 * go round: none comes twice before all came once.
 */
export function sampleRecord(seeds: SeedSet, rules: SampleRules, number: number): Sample {
  const { seed, personas, skills } = rules;
  const random = seededRandom('record', seed, number);
  const position = number - 1;
  const category = need(fromRounds(seeds.categories, position, 'category', seed), 'categories');
  const total = (personas?.weight ?? 0) + (skills?.weight ?? 0);
  if (personas !== undefined && random() * total < personas.weight) {
    return {
      route: 'persona',
      persona: need(fromRounds(seeds.personas, position, 'persona', seed), 'personas'),
      category,
      operations: some(seeds.operations, personas.operations, random),
    };
  }
  const primary = need(fromRounds(seeds.skills, position, 'skill', seed), 'skills');
  const others = seeds.skills.filter(({ id }) => id !== primary.id);
  const most = Math.min(skills?.supporting ?? 0, others.length);
  const count = Math.floor(random() * (most + 1));
  return {
    route: 'skill',
    primary: { ...primary },
    supporting: shuffled(others, random).slice(0, count),
    category,
  };
}

/** The lineage of a record: tasks of one seed share it. */
export function clusterOf(sample: Sample): string {
  return sample.route === 'persona' ? `persona/${sample.persona.id}` : `skill/${sample.primary.id}`;
}

function some(labels: readonly Label[], count: number, random: () => number): Label[] {
  if (labels.length === 0) need<Label>(undefined, 'operations');
  return shuffled(labels, random).slice(0, count);
}

function need<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new ClawError('InvalidInput', `there are no ${what} to sample from; give a source of some`);
}
