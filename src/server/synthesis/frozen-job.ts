import { z } from 'zod';
import { immutableChanges } from '../../api/immutability.ts';
import { type SynthesisJob, synthesisJob } from '../../api/synthesis-job.ts';
import { parseJson, type Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { ClawError } from '../../base/error.ts';
import { zSha256 } from '../../protocol/fields.ts';
import { zSampling } from '../../protocol/synthesis-api.ts';
import type { SynthesisSteering } from '../../protocol/synthesis-server.ts';
import { fixedSampling } from '../planning/batch-settings.ts';
import type { AskedModel } from '../upstreams/upstream-questions.ts';

type SynthesisSpec = SynthesisJob['spec'];

/** Records that may be begun where the spec does not say; the same on one machine. */
const RECORDS_A_TASK = 10;

const zFrozen = z.object({
  namespace: z.string(),
  name: z.string(),
  /** Artifact with what is sampled from and the prompts: `zInputs`. */
  inputs: zSha256,
  spec: z.unknown(),
});

/** What `SynthesisJobRow.spec` holds of a job in a cluster. */
export interface FrozenJob {
  readonly namespace: string;
  readonly name: string;
  readonly inputs: Sha256;
  readonly spec: SynthesisSpec;
}

/** Seeds and prompts as they were when the job was planned: a newer release changes no job that runs. */
export const zInputs = z.object({
  sampling: zSampling,
  prompts: z.record(z.string(), z.string()),
});
export type FrozenInputs = z.infer<typeof zInputs>;

/** SynthesisJob.spec with defaults. Throws `InvalidManifest` with the fields. */
export function parseSynthesisSpec(name: string, spec: unknown): SynthesisSpec {
  const { apiVersion } = synthesisJob;
  const object = { apiVersion, kind: 'SynthesisJob', metadata: { name }, spec };
  const parsed = synthesisJob.schema.safeParse(object);
  if (parsed.success) return parsed.data.spec;
  const issues = z.prettifyError(parsed.error).slice(0, 2000);
  throw new ClawError('InvalidManifest', `SynthesisJob ${name}: ${issues}`);
}

/** Throws `InvalidManifest` for what only the local engine can follow. */
export function refuseLocalOnly(name: string, spec: SynthesisSpec): void {
  const refuse = (what: string): never => {
    throw new ClawError('InvalidManifest', `SynthesisJob ${name}: ${what}`);
  };
  for (const role of ['generator', 'judge'] as const) {
    if (spec.models[role].upstreamSecretRef === undefined)
      refuse(
        `spec.models.${role}: a cluster reaches a model by upstreamSecretRef alone; name a Secret of type clawgym.io/upstream there`,
      );
  }
  for (const route of ['personas', 'skills'] as const) {
    const source = spec.routes[route]?.source;
    if (source !== undefined && source.configMap === undefined)
      refuse(
        `spec.routes.${route}.source.path is a path of your own machine, which a cluster cannot read; use configMap`,
      );
  }
  for (const [index, { digest }] of (spec.novelty.against ?? []).entries()) {
    if (digest === undefined)
      refuse(
        `spec.novelty.against[${index}].path is a path of your own machine, which a cluster cannot read; use digest`,
      );
  }
}

/** Everything that decides the result; what steers a run is kept beside it, or is the operator's alone. */
export function frozenJobText({ namespace, name, inputs, spec }: FrozenJob): string {
  const { parallelism: _p, suspend: _s, budgets: _b, sandbox: _c, ...deciding } = spec;
  return canonicalJson({ namespace, name, inputs, spec: deciding });
}

export function readFrozenJob({ spec: text }: { readonly spec: string }): FrozenJob {
  const { spec, ...rest } = zFrozen.parse(parseJson(text));
  return { ...rest, spec: parseSynthesisSpec(rest.name, spec) };
}

/** Throws `Conflict` where the spec differs from the stored one in a field that cannot change. */
export function refuseOtherJob(stored: FrozenJob, asked: SynthesisSpec): void {
  const changed = immutableChanges(synthesisJob, stored.spec, asked);
  if (changed.length === 0) return;
  throw new ClawError(
    'Conflict',
    `SynthesisJob ${stored.namespace}/${stored.name} was planned with another ${changed.map((field) => `spec.${field}`).join(', ')}; tasks of different settings are never mixed: make a new SynthesisJob`,
  );
}

export function steeringOf({ parallelism, budgets, target }: SynthesisSpec): SynthesisSteering {
  return {
    ...(parallelism !== undefined && { parallelism }),
    ...(budgets.tokens !== undefined && { tokens: budgets.tokens }),
    records: budgets.records ?? target * RECORDS_A_TASK,
  };
}

/** Secret of a role's endpoint. */
export function secretOf({ spec }: FrozenJob, role: 'generator' | 'judge'): string {
  const name = spec.models[role].upstreamSecretRef?.name;
  if (name !== undefined) return name;
  throw new ClawError('Internal', `spec.models.${role} was planned without a Secret`);
}

/** The model of a role as its stages ask for it. */
export function askedModel(frozen: FrozenJob, role: 'generator' | 'judge'): AskedModel {
  const { name: model, sampling } = frozen.spec.models[role];
  const { namespace } = frozen;
  const secret = secretOf(frozen, role);
  return { namespace, secret, model, sampling: fixedSampling(sampling), tokens: false };
}
