import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { Sha256 } from '../../src/base/brand.ts';
import { loadSeeds } from '../../src/synthesis/seeds/load-seeds.ts';
import { openTaskSet } from '../../src/tasks/set/open-task-set.ts';
import type { UsedAttempt } from './lineage-rollouts.ts';
import type { LineageStores } from './lineage-stores.ts';

/** What a task was made from. */
export interface Origin {
  /** Of the task. */
  readonly id: string;
  readonly kind: 'persona' | 'skill';
  /** Id of the persona, or of the primary skill. */
  readonly seed: string;
  /** Ids of the calls that wrote and judged it. */
  readonly calls: readonly string[];
}

const zCalls = z.array(z.string()).min(1);
const zProvenance = z.discriminatedUnion('route', [
  z.looseObject({
    route: z.literal('persona'),
    persona: z.looseObject({ id: z.string() }),
    calls: zCalls,
  }),
  z.looseObject({ route: z.literal('skill'), skills: z.array(z.string()).min(1), calls: zCalls }),
]);

/** Where the tasks of these attempts come from, by digest; each seed and each call must be there. */
export async function taskOrigins(
  stores: LineageStores,
  used: readonly UsedAttempt[],
  problems: string[],
): Promise<ReadonlyMap<Sha256, Origin>> {
  const known = new Map<Sha256, Origin>();
  for (const set of new Set(used.map(({ taskSet }) => taskSet))) {
    for (const [task, origin] of await originsIn(stores, set)) known.set(task, origin);
  }
  const { personas, skills } = await loadSeeds();
  const seeds = {
    persona: new Set(personas.map(({ id }) => id)),
    skill: new Set(skills.map(({ id }) => id)),
  };
  const origins = new Map<Sha256, Origin>();
  for (const { task, attempt } of used) {
    const origin = known.get(task);
    if (origin === undefined) problems.push(`${attempt}: no set has its task ${task}`);
    else origins.set(task, origin);
  }
  for (const { id, kind, seed, calls } of origins.values()) {
    if (!seeds[kind].has(seed)) problems.push(`${id}: there is no ${kind} ${seed}`);
    for (const call of calls) {
      if (!(await stores.hasWritten(call))) problems.push(`${id}: no call ${call} is recorded`);
    }
  }
  return origins;
}

async function originsIn(
  { union }: LineageStores,
  digest: Sha256,
): Promise<readonly (readonly [Sha256, Origin])[]> {
  const folder = await mkdtemp(join(tmpdir(), 'clawgym-lineage-'));
  try {
    const file = join(folder, 'tasks.tar');
    await pipeline(await union.artifacts.stream(digest), createWriteStream(file));
    const set = await openTaskSet(file, AbortSignal.timeout(60_000));
    await set.close();
    return set.tasks.map((entry) => [entry.digest, originOf(entry.task.id, entry.task.provenance)]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function originOf(id: string, provenance: unknown): Origin {
  const from = zProvenance.parse(provenance);
  if (from.route === 'persona')
    return { id, kind: 'persona', seed: from.persona.id, calls: from.calls };
  return { id, kind: 'skill', seed: from.skills[0] ?? '', calls: from.calls };
}
