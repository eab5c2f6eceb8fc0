import type { PreparedAgent } from '../agents/agent.ts';
import type { AgentHost } from '../agents/agent-host.ts';
import { CHEAT_FAMILIES } from '../agents/cheat-families.ts';
import { agentFor } from '../agents/registry.ts';
import type { Sha256 } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { ClawError } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import { armKind } from '../bench/arm-kind.ts';
import type { ArmKind } from '../bench/results.ts';
import type { TrainingFacts } from '../bench/run-facts.ts';
import type { Upstream } from '../gateway/upstream.ts';
import { agentOptions } from '../server/planning/agent-settings.ts';
import type { CliEnvironment } from './environment.ts';
import { type Endpoint, type OpenedModel, openModel } from './open-model.ts';
import type { ArmRequest } from './run-request.ts';
import type { ServedModel, ServedModels } from './served-models.ts';

/** An arm with its harness installed and its upstream opened. */
export interface PreparedArm {
  readonly request: ArmRequest;
  readonly agent: PreparedAgent;
  readonly kind: ArmKind;
  /** SHA-256 of the recording that answers in place of a model. */
  readonly recording: Sha256 | undefined;
  /** The endpoint that answers, where there is one. */
  readonly endpoint?: Endpoint | undefined;
  /** The model of ours that answers, where one does. */
  readonly served?: ServedModel | undefined;
  /** What that model learned of the tasks of the run. */
  readonly training?: TrainingFacts | undefined;
}

export interface PreparedArms {
  readonly arms: readonly PreparedArm[];
  /** By arm name; arms that ask the same model share one. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
}

export interface PrepareContext {
  readonly environment: CliEnvironment;
  readonly host: AgentHost;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Those of our models that the arms name. */
  readonly models?: ServedModels;
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
  const models = new Map<string, OpenedModel>();
  const expanded = expandArms(requests);
  // All settings are looked at before the first harness is installed.
  const asked = expanded.map((request) => ({
    request,
    harness: agentFor(agentOptions(request), context.host),
  }));
  for (const { request, harness } of asked) {
    const agent = await harness.prepare({
      cacheDir: context.environment.cacheDir,
      logger: context.logger,
      signal: context.signal,
    });
    refuseUnheeded(request, agent.version);
    const model = await openShared(request, models, context);
    if (model) upstreams.set(request.name, model.upstream);
    const { recording, endpoint, served } = model ?? NO_MODEL;
    arms.push({
      request,
      agent,
      kind: armKind(request.agent.name, answersOf(request)),
      recording,
      endpoint,
      served,
    });
  }
  return { arms, upstreams };
}

const NO_MODEL = { recording: undefined, endpoint: undefined, served: undefined };

async function openShared(
  { model }: ArmRequest,
  opened: Map<string, OpenedModel>,
  { environment, logger, models }: PrepareContext,
): Promise<OpenedModel | undefined> {
  if (model === undefined) return undefined;
  const key = canonicalJson({ name: model.name, source: model.source });
  const shared = opened.get(key) ?? (await openModel(model, environment, logger, models));
  opened.set(key, shared);
  return shared;
}

/** What a manifest may say of an agent and this engine cannot follow is refused, not ignored. */
function refuseUnheeded({ name, agent }: ArmRequest, pinned: string): void {
  if (agent.version !== undefined && agent.version !== pinned) {
    throw new ClawError(
      'InvalidManifest',
      `arm ${name}: agent.version is ${agent.version}, and this release runs ${agent.name} ${pinned}; leave agent.version out, or name that version`,
    );
  }
}

/** What stands behind an arm's model calls. */
export function answersOf({ model }: ArmRequest): 'nothing' | 'recording' | 'endpoint' {
  if (model === undefined) return 'nothing';
  return model.source.kind === 'recording' ? 'recording' : 'endpoint';
}
