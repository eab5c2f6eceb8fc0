import type { PreparedAgent } from '../../agents/agent.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import type { BatchState } from '../../protocol/operator-api.ts';
import type { AttemptRow } from '../../store/records.ts';
import { type AgentImages, agentOfSample, type BatchAgents, imageAgents } from './batch-agents.ts';
import type { FrozenSpec } from './frozen-spec.ts';

/** The agents of a plan that stands, and whether they are still those that it was made with. */
export interface PlanAgents {
  readonly agents: BatchAgents;
  /**
   * Present where this release holds another harness: attempts of two harnesses are never mixed in one
   * batch, so none is opened any more. What runs is ended and graded all the same.
   */
  readonly agentChanged: BatchState['agentChanged'];
}

/** Never throws because of the agent: ends, verdicts and the state need the plan alone. */
export async function planAgents(frozen: FrozenSpec, images: AgentImages): Promise<PlanAgents> {
  const was = words(frozen.agent);
  try {
    const agents = await imageAgents(frozen.name, frozen.spec.agent, images);
    const now = words(agents.identity);
    return { agents, agentChanged: now === was ? undefined : { frozen: was, now } };
  } catch (thrown) {
    const agents = { identity: frozen.agent, bySample: [absent(frozen.agent)] };
    const now = `none: ${errorMessage(thrown)}`;
    return { agents: { ...agents, image: 'runner' }, agentChanged: { frozen: was, now } };
  }
}

/** What an attempt of the sample is recorded with; one that was opened for an older pod, as planned. */
export function harnessOf(
  plan: PlanAgents & { readonly frozen: Pick<FrozenSpec, 'agent'> },
  sample: number,
): AttemptRow['harness'] {
  const { name, version, configDigest } =
    plan.agentChanged === undefined ? agentOfSample(plan.agents, sample) : plan.frozen.agent;
  return { name, version, configDigest };
}

export function agentChangedReason({ frozen, now }: NonNullable<BatchState['agentChanged']>) {
  return `AgentChanged: the batch was planned with ${frozen}, and this release holds ${now}; go back to that release, or make a new RolloutBatch`;
}

function words({ name, version, configDigest }: FrozenSpec['agent']): string {
  return `${name} ${version} (configuration ${configDigest.slice(0, 12)})`;
}

function absent({ name, version, configDigest }: FrozenSpec['agent']): PreparedAgent {
  return {
    name,
    version,
    configDigest,
    programMiB: () => 0,
    unsuited: () => undefined,
    plan: () => Promise.reject(new ClawError('Internal', `this release holds no ${name}`)),
  };
}
