import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import { fieldError, parseField } from './import-problem.ts';

const zEnv = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional();
const zHooks = z.array(z.unknown()).optional();
const zNetwork = {
  network_mode: z.string().optional(),
  allow_internet: z.boolean().optional(),
  allowed_hosts: z.array(z.string()).optional(),
};

/** task.toml of Harbor, schema 1.0 to 1.4 (task-formats reference 5.1). */
const zHarborToml = z.looseObject({
  schema_version: z.union([z.string(), z.number()]).optional(),
  version: z.union([z.string(), z.number()]).optional(),
  task: z
    .looseObject({ name: z.string().optional(), keywords: z.array(z.string()).optional() })
    .optional(),
  metadata: z
    .looseObject({ category: z.string().optional(), license: z.string().optional() })
    .optional(),
  agent: z
    .looseObject({
      timeout_sec: z.number().positive().optional(),
      user: z.unknown().optional(),
      ...zNetwork,
    })
    .optional(),
  verifier: z
    .looseObject({
      timeout_sec: z.number().positive().optional(),
      env: zEnv,
      user: z.unknown().optional(),
      network_mode: z.string().optional(),
      environment_mode: z.enum(['shared', 'separate']).optional(),
      environment: z.unknown().optional(),
      collect: zHooks,
    })
    .optional(),
  environment: z
    .looseObject({
      ...zNetwork,
      docker_image: z.string().min(1).optional(),
      os: z.string().optional(),
      cpus: z.number().positive().optional(),
      memory_mb: z.number().positive().optional(),
      storage_mb: z.number().positive().optional(),
      memory: z.string().optional(),
      storage: z.string().optional(),
      gpus: z.number().optional(),
      gpu_types: zHooks,
      tpu: z.unknown().optional(),
      env: zEnv,
      mcp_servers: zHooks,
      skills_dir: z.unknown().optional(),
      healthcheck: z.unknown().optional(),
      workdir: z.string().optional(),
    })
    .optional(),
  solution: z.looseObject({ env: zEnv }).optional(),
  steps: zHooks,
});
export type HarborToml = z.infer<typeof zHarborToml>;

const VERSIONS = ['1', '1.0', '1.1', '1.2', '1.3', '1.4'];

/** Checks a parsed task.toml and refuses by name what no sandbox of ours can run. */
export function parseHarborToml(value: unknown): HarborToml {
  const toml = parseField(zHarborToml, value, 'task.toml');
  const version = String(toml.schema_version ?? toml.version ?? '1.0');
  if (!VERSIONS.includes(version)) {
    throw fieldError('UnsupportedTask', 'task.toml.schema_version', version, 'schema 1.0 to 1.4');
  }
  const environment: NonNullable<HarborToml['environment']> = toml.environment ?? {};
  const networkMode = toml.verifier?.network_mode;
  const refusals: readonly [string, boolean][] = [
    ['steps (multi-step tasks)', (toml.steps?.length ?? 0) > 0],
    ['environment.gpus', (environment.gpus ?? 0) > 0 || (environment.gpu_types?.length ?? 0) > 0],
    ['environment.tpu', isSet(environment.tpu)],
    [
      `environment.os ${JSON.stringify(environment.os)}`,
      environment.os !== undefined && environment.os.toLowerCase() !== 'linux',
    ],
    ['environment.mcp_servers', (environment.mcp_servers?.length ?? 0) > 0],
    ['environment.healthcheck', isSet(environment.healthcheck)],
    ['environment.skills_dir', isSet(environment.skills_dir)],
    ["verifier.environment (an image of the verifier's own)", isSet(toml.verifier?.environment)],
    [`verifier.network_mode ${JSON.stringify(networkMode)}`, isNetworked(networkMode)],
    ['verifier.collect hooks', (toml.verifier?.collect?.length ?? 0) > 0],
    ['agent.user', isSet(toml.agent?.user)],
    ['verifier.user', isSet(toml.verifier?.user)],
    ['solution.env', Object.keys(toml.solution?.env ?? {}).length > 0],
  ];
  const refused = refusals.filter(([, asked]) => asked).map(([name]) => name);
  if (refused.length > 0) throw unsupported(refused);
  return toml;
}

/** Verifiers run without a network, whatever the agent had. */
function isNetworked(mode: string | undefined): boolean {
  return mode !== undefined && mode !== 'no-network';
}

export function unsupported(features: readonly string[]): ClawError {
  return new ClawError(
    'UnsupportedTask',
    `the task uses ${features.join(', ')}, which this version cannot run`,
  );
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '' || value === 0)
    return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

/** Environment variables with `${VAR:-default}` resolved; a value of the host's own is refused. */
export function resolveEnv(
  env: Readonly<Record<string, string | number | boolean>> | undefined,
  field: string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env ?? {}).map(([key, value]) => [
      key,
      withDefaults(String(value), `${field}.${key}`),
    ]),
  );
}

function withDefaults(value: string, field: string): string {
  return value.replace(
    /\$\{([^}:]*)(:-([^}]*))?\}/g,
    (whole, _name, given: string | undefined, fallback: string | undefined) => {
      if (given === undefined) {
        throw fieldError(
          'UnsupportedTask',
          field,
          whole,
          'a default after ":-": variables of the host are not passed on',
        );
      }
      return fallback ?? '';
    },
  );
}

/** `512M`, `2G`, `2Gi` as MiB. */
export function sizeToMiB(text: string, field: string): number {
  const found = /^(\d+(?:\.\d+)?)\s*([KMGT])i?B?$/i.exec(text.trim());
  const unit = { K: 1 / 1024, M: 1, G: 1024, T: 1024 * 1024 }[(found?.[2] ?? '').toUpperCase()];
  if (found === null || unit === undefined)
    throw fieldError('InvalidTask', field, text, 'a size such as "2G"');
  return Math.max(1, Math.ceil(Number(found[1]) * unit));
}

/** What the agent's phase may reach. */
export function networkOf(toml: HarborToml): 'none' | 'public' | 'allowlist' {
  const table = { ...toml.environment, ...(toml.agent?.network_mode !== undefined && toml.agent) };
  const mode = table.network_mode;
  if (mode === undefined) return toml.environment?.allow_internet === false ? 'none' : 'public';
  if (mode === 'public') return 'public';
  if (mode === 'no-network') return 'none';
  if (mode === 'allowlist') return 'allowlist';
  throw fieldError(
    'InvalidTask',
    'task.toml.environment.network_mode',
    mode,
    'public, no-network or allowlist',
  );
}
