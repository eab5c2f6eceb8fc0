import { asSha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import type { Clock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import type { PlanSynthesisBody } from '../../protocol/synthesis-server.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { SynthesisRuns } from '../../store/synthesis-runs.ts';
import { loadPrompts } from '../../synthesis/prompts.ts';
import { sampleRecord } from '../../synthesis/sample.ts';
import { loadSeeds } from '../../synthesis/seeds/load-seeds.ts';
import type { TaskSetShelf } from '../coordinator/task-set-shelf.ts';
import {
  type FrozenInputs,
  frozenJobText,
  parseSynthesisSpec,
  refuseLocalOnly,
  steeringOf,
} from './frozen-job.ts';

export interface PlanJobDeps {
  readonly runs: Pick<SynthesisRuns, 'planSynthesisRun'>;
  readonly artifacts: Pick<ArtifactStore, 'put'>;
  readonly shelf: Pick<TaskSetShelf, 'get'>;
  readonly clock: Clock;
}

/**
 * Freezes seeds, prompts and specification of a job and stores it. Throws `InvalidManifest`,
 * `InvalidInput` or `NotFound` with the field, and then nothing is stored of the job.
 */
export async function planJob(
  uid: string,
  { namespace, name, spec: asked, seeds: texts }: PlanSynthesisBody,
  { runs, artifacts, shelf, clock }: PlanJobDeps,
): Promise<void> {
  const spec = parseSynthesisSpec(name, asked);
  refuseLocalOnly(name, spec);
  for (const { digest } of spec.novelty.against ?? []) {
    if (digest !== undefined) await shelf.get(asSha256(digest));
  }
  const { personas, skills } = spec.routes;
  const seeds = await loadSeeds({ personaCount: personas?.count, texts });
  const rules = { seed: spec.seed, personas, skills };
  // What cannot be sampled is said now and not by a pod.
  sampleRecord(seeds, rules, 1);
  const inputs: FrozenInputs = {
    sampling: {
      rules: {
        seed: spec.seed,
        ...(personas !== undefined && {
          personas: { weight: personas.weight, operations: personas.operations },
        }),
        ...(skills !== undefined && {
          skills: { weight: skills.weight, supporting: skills.supporting },
        }),
      },
      seeds: {
        personas: [...seeds.personas],
        skills: [...seeds.skills],
        categories: [...seeds.categories],
        operations: [...seeds.operations],
      },
    },
    prompts: Object.fromEntries(await loadPrompts()),
  };
  const { digest } = await artifacts.put(Buffer.from(canonicalJson(inputs), 'utf8'));
  const text = frozenJobText({ namespace, name, inputs: digest, spec });
  await runs.planSynthesisRun(
    { id: uid, specDigest: sha256(text), spec: text, createdAt: clock.now() },
    { namespace, name, steering: canonicalJson(steeringOf(spec)) },
  );
}
