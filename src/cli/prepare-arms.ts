import { readFile } from 'node:fs/promises';
import type { PreparedAgent } from '../agents/agent.ts';
import type { AgentHost } from '../agents/agent-host.ts';
import { CHEAT_FAMILIES } from '../agents/cheat-families.ts';
import { type AgentOptions, agentFor } from '../agents/registry.ts';
import type { Sha256 } from '../base/brand.ts';
import { systemClock } from '../base/clock.ts';
import { sha256 } from '../base/digest.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import type { ArmKind } from '../bench/results.ts';
import { OpenAiUpstream } from '../gateway/openai-upstream.ts';
import { RecordedUpstream } from '../gateway/recorded-upstream.ts';
import { parseRecording } from '../gateway/recording.ts';
import type { Upstream } from '../gateway/upstream.ts';
import type { CliEnvironment } from './environment.ts';
import type { ArmRequest, ModelRequest } from './run-request.ts';

/** An arm with its harness installed and its upstream opened. */
export interface PreparedArm {
  readonly request: ArmRequest;
  readonly agent: PreparedAgent;
  readonly kind: ArmKind;
  /** SHA-256 of the recording that answers in place of a model. */
  readonly recording: Sha256 | undefined;
}

export interface PreparedArms {
  readonly arms: readonly PreparedArm[];
  /** By arm name. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
}

export interface PrepareContext {
  readonly environment: CliEnvironment;
  readonly host: AgentHost;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * A cheat arm without a family stands for every family in turn, one arm each. Throws `InvalidInput`
 * where two arms would have one name: a batch is named after its arm.
 */
export function expandArms(arms: readonly ArmRequest[]): readonly ArmRequest[] {
  const expanded = withFamilies(arms);
  const names = expanded.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice === undefined) return expanded;
  throw new ClawError('InvalidInput', `the arm ${twice} is asked for twice: name each arm once`);
}

function withFamilies(arms: readonly ArmRequest[]): readonly ArmRequest[] {
  return arms.flatMap((arm) => {
    if (arm.agent.name !== 'cheat' || arm.agent.family !== undefined) return [arm];
    return CHEAT_FAMILIES.map(({ name }) => ({
      ...arm,
      name: `${arm.name}-${name}`,
      agent: { ...arm.agent, family: name },
    }));
  });
}

export async function prepareArms(
  requests: readonly ArmRequest[],
  context: PrepareContext,
): Promise<PreparedArms> {
  const arms: PreparedArm[] = [];
  const upstreams = new Map<string, Upstream>();
  for (const request of expandArms(requests)) {
    const agent = await agentFor(agentOptions(request), context.host).prepare({
      cacheDir: context.environment.cacheDir,
      logger: context.logger,
      signal: context.signal,
    });
    refuseUnheeded(request, agent.version);
    const model = request.model && (await openModel(request.model, context));
    if (model) upstreams.set(request.name, model.upstream);
    arms.push({ request, agent, kind: armKind(request), recording: model?.recording });
  }
  return { arms, upstreams };
}

/** What a manifest may say of an agent and this engine cannot follow is refused, not ignored. */
function refuseUnheeded({ name, agent }: ArmRequest, pinned: string): void {
  if (agent.version !== undefined && agent.version !== pinned) {
    throw new ClawError(
      'InvalidManifest',
      `arm ${name}: agent.version is ${agent.version}, and this release runs ${agent.name} ${pinned}; leave agent.version out, or name that version`,
    );
  }
  const [setting] = Object.keys(agent.config ?? {});
  if (setting === undefined) return;
  throw new ClawError(
    'InvalidManifest',
    `arm ${name}: agent.config.${setting}: the local engine takes no settings for ${agent.name}; leave agent.config out`,
  );
}

/** What an arm's score is worth as evidence about a model. */
export function armKind({ agent, model }: ArmRequest): ArmKind {
  switch (agent.name) {
    case 'nop':
    case 'lazy':
      return 'floor';
    case 'solution':
      return 'ceiling';
    case 'cheat':
      return 'cheat';
    case 'command':
    case 'pi':
    case 'openclaw':
      if (model === undefined) return 'program';
      return model.source.kind === 'recording' ? 'replay' : 'model';
  }
}

function agentOptions({ agent, mounts }: ArmRequest): AgentOptions {
  const { name, command, family } = agent;
  if (family !== undefined) return { name: `${name}:${family}` };
  if (name !== 'command' || command === undefined) return { name };
  return { name, command: { command, ...(mounts && { mounts }) } };
}

interface OpenedModel {
  readonly upstream: Upstream;
  readonly recording: Sha256 | undefined;
}

async function openModel(model: ModelRequest, context: PrepareContext): Promise<OpenedModel> {
  const { source } = model;
  if (source.kind === 'recording') {
    const text = await readText(source.path);
    const upstream = new RecordedUpstream(parseRecording(text, source.path));
    return { upstream, recording: sha256(text) };
  }
  const upstream = new OpenAiUpstream({
    name: model.name,
    baseUrl: source.baseUrl,
    apiKey: apiKey(source.apiKeyEnv, context.environment),
    clock: systemClock,
    random: Math.random,
    logger: context.logger,
  });
  return { upstream, recording: undefined };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new ClawError('NotFound', `recording ${path} cannot be read: ${errorMessage(cause)}`, {
      cause,
    });
  }
}

/** The default variable may be unset (local servers need no key); a named one must be set. */
function apiKey(name: string | undefined, environment: CliEnvironment): string | undefined {
  if (name === undefined) return environment.secret('OPENAI_API_KEY');
  const key = environment.secret(name);
  if (key === undefined || key === '') {
    throw new ClawError(
      'InvalidInput',
      `the environment variable ${name} holds no key: set it, or name another with --api-key-env`,
    );
  }
  return key;
}
