import { z } from 'zod';
import { type TrainingSpec, zTrainingSpec } from '../../../api/training-spec.ts';
import { parseJson, type Sha256 } from '../../../base/brand.ts';
import { canonicalJson } from '../../../base/canonical-json.ts';
import { ClawError } from '../../../base/error.ts';
import { zSha256 } from '../../../protocol/fields.ts';
import { planRlRun } from '../../../training/rl/plan-rl-run.ts';
import type { RlRun } from '../../../training/rl/rl-run.ts';

const zTasks = z.object({ set: zSha256, whole: z.boolean(), ids: z.array(z.string()) });
const zPlan = z.object({
  namespace: z.string(),
  name: z.string(),
  base: zSha256,
  tasks: zTasks,
  evaluationTasks: zTasks,
  spec: z.unknown(),
});

export type RlSpec = TrainingSpec & { readonly rl: NonNullable<TrainingSpec['rl']> };

/** What a reinforcement run was frozen to when it was planned. */
export interface RlPlan {
  readonly namespace: string;
  readonly name: string;
  readonly base: Sha256;
  readonly tasks: RlTasks;
  readonly evaluationTasks: RlTasks;
  readonly spec: RlSpec;
}

export interface RlTasks {
  readonly set: Sha256;
  /** All tasks of the set. */
  readonly whole: boolean;
  /** Of the tasks that are drawn from, in the order of the set. */
  readonly ids: readonly string[];
}

/** As many tasks as a RolloutBatch names. */
const MAX_TASKS = 1000;

/** TrainingRun.spec with defaults. Throws `InvalidManifest` with the fields. */
export function parseRlSpec(name: string, spec: unknown): RlSpec {
  const parsed = zTrainingSpec.safeParse(spec);
  if (!parsed.success) {
    const issues = z.prettifyError(parsed.error).slice(0, 2000);
    throw new ClawError('InvalidManifest', `TrainingRun ${name}: ${issues}`);
  }
  const { rl } = parsed.data;
  if (rl === undefined) {
    throw new ClawError(
      'InvalidManifest',
      `TrainingRun ${name}: spec.rl: expected, and it is absent`,
    );
  }
  if (rl.groups.perStep > MAX_TASKS) {
    throw new ClawError(
      'InvalidManifest',
      `TrainingRun ${name}: spec.rl.groups.perStep is ${rl.groups.perStep}; in a cluster a step has at most ${MAX_TASKS} tasks: take fewer groups, or more steps`,
    );
  }
  return { ...parsed.data, rl };
}

/** Whatever of a spec a plan keeps: the rest may change while the run goes on. */
export function planText({ spec, ...plan }: RlPlan): string {
  const { base, rl, context, seed } = spec;
  return canonicalJson({ ...plan, spec: { base, rl, context, seed } });
}

export function readPlan(text: string): RlPlan {
  const { spec, ...plan } = zPlan.parse(parseJson(text));
  return { ...plan, spec: parseRlSpec(plan.name, spec) };
}

/** What the coordinator decides by. Throws `InvalidManifest` where there are too few tasks. */
export function runOf({ name, spec, tasks, evaluationTasks }: RlPlan): RlRun {
  const { rl, seed, retries } = spec;
  const { evaluation, steps, groups } = rl;
  const facts = {
    ...{ name, seed, steps, groups, trainerRetries: retries.failures },
    evaluation: evaluation && { every: evaluation.everySteps, samples: evaluation.samples },
  };
  return planRlRun(facts, tasks.ids, evaluationTasks.ids);
}
