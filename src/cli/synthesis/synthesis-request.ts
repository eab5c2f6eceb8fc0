import { dirname, resolve } from 'node:path';
import type { SynthesisJob } from '../../api/synthesis-job.ts';
import { ClawError } from '../../base/error.ts';
import type { SampleRules } from '../../synthesis/sample.ts';
import type { SeedSources } from '../../synthesis/seeds/load-seeds.ts';
import { modelOf } from '../request-from-manifest.ts';
import type { ModelRequest } from '../run-request.ts';

/** A SynthesisJob as this machine runs it; paths are absolute. */
export interface SynthesisRequest {
  readonly name: string;
  readonly target: number;
  readonly seed: number;
  readonly rules: SampleRules;
  readonly sources: SeedSources;
  readonly models: { readonly generator: ModelRequest; readonly judge: ModelRequest };
  readonly rubric: boolean;
  readonly lazyCeiling: number;
  readonly maxSimilarity: number;
  readonly against: readonly string[];
  readonly maxTokens: number | undefined;
  readonly maxRecords: number;
  readonly parallelism: number | undefined;
}

export interface SynthesisFlags {
  readonly filename: string;
  readonly baseUrl?: string | undefined;
  readonly apiKeyEnv?: string | undefined;
}

/** Records that may be begun where the manifest does not say. */
const RECORDS_A_TASK = 10;

/** Throws `InvalidManifest` for what only a cluster can follow. */
export function synthesisRequest(object: SynthesisJob, flags: SynthesisFlags): SynthesisRequest {
  const { spec, metadata } = object;
  const folder = dirname(resolve(flags.filename));
  if (spec.suspend)
    throw refusal(metadata.name, 'spec.suspend is true, so nothing may run; set it to false');
  const { personas, skills } = spec.routes;
  const model = (role: 'generator' | 'judge'): ModelRequest => {
    const { baseUrl, apiKeyEnv } = flags;
    const asked = modelOf(spec.models[role], folder, { baseUrl, apiKeyEnv, out: folder });
    if (asked === undefined) throw refusal(metadata.name, `spec.models.${role} is missing`);
    return asked;
  };
  const place = (name: string, source: { path?: string | undefined } | undefined) => {
    if (source === undefined) return undefined;
    if (source.path !== undefined) return resolve(folder, source.path);
    throw refusal(
      metadata.name,
      `spec.routes.${name}.source.configMap is read in a cluster; on this machine use path`,
    );
  };
  const against = (spec.novelty.against ?? []).map(({ path }, index) => {
    if (path !== undefined) return resolve(folder, path);
    throw refusal(
      metadata.name,
      `spec.novelty.against[${index}].digest is known to a cluster; on this machine use path`,
    );
  });
  return {
    name: metadata.name,
    target: spec.target,
    seed: spec.seed,
    rules: { seed: spec.seed, personas, skills },
    sources: {
      personas: place('personas', personas?.source),
      personaCount: personas?.count,
      skills: place('skills', skills?.source),
    },
    models: { generator: model('generator'), judge: model('judge') },
    rubric: spec.rubric === 'whereNeeded',
    lazyCeiling: Number(spec.gates.lazyCeiling),
    maxSimilarity: Number(spec.novelty.maxSimilarity),
    against,
    maxTokens: spec.budgets.tokens,
    maxRecords: spec.budgets.records ?? spec.target * RECORDS_A_TASK,
    parallelism: spec.parallelism,
  };
}

function refusal(name: string, what: string): ClawError {
  return new ClawError('InvalidManifest', `SynthesisJob ${name}: ${what}`);
}
