import type { PreparedAgent } from '../../agents/agent.ts';
import { type AgentHost, configDigest } from '../../agents/agent-host.ts';
import type { HarnessInstallOptions } from '../../agents/harness-install.ts';
import { agentFor } from '../../agents/registry.ts';
import { ClawError } from '../../base/error.ts';
import { CHEAT_BOUNDS } from '../../rollouts/cheat-bounds.ts';
import { agentOptions } from '../planning/agent-settings.ts';
import type { BatchSpec, FrozenSpec } from './frozen-spec.ts';

export interface AgentImages {
  readonly host: AgentHost;
  /** Where the lockfiles of the images' harnesses are, if not beside the sources. */
  readonly install?: HarnessInstallOptions | undefined;
}

/** The agents of a batch: one, or a cheat's families in turn (design: cluster.md 6). */
export interface BatchAgents {
  readonly identity: FrozenSpec['agent'];
  /** Sample s runs number s modulo their count. */
  readonly bySample: readonly PreparedAgent[];
  readonly image: 'pi' | 'openclaw' | 'runner';
}

/** The agents of a batch that is planned now. Throws `InvalidManifest`. */
export async function batchAgents(
  name: string,
  { agent, model }: Pick<BatchSpec, 'agent' | 'model'>,
  images: AgentImages,
): Promise<BatchAgents> {
  if (
    model !== undefined &&
    model.upstreamSecretRef === undefined &&
    model.artifact === undefined
  ) {
    throw new ClawError(
      'InvalidManifest',
      `RolloutBatch ${name}: spec.model: recordings and upstreams by address are for the local engine; put baseURL and apiKey into a Secret of type clawgym.io/upstream and name it in spec.model.upstreamSecretRef, or name a model of ours in spec.model.artifact`,
    );
  }
  const agents = await imageAgents(name, agent, images);
  const { version } = agents.identity;
  if (agent.version !== undefined && agent.version !== version) {
    throw new ClawError(
      'InvalidManifest',
      `RolloutBatch ${name}: spec.agent.version is ${agent.version}, and the images of this release hold ${agent.name} ${version}; leave it out, or name that version`,
    );
  }
  return agents;
}

/** Agents as the installation's images hold them; nothing is installed. */
export async function imageAgents(
  name: string,
  agent: BatchSpec['agent'],
  images: AgentImages,
): Promise<BatchAgents> {
  const image = agent.name === 'pi' || agent.name === 'openclaw' ? agent.name : 'runner';
  const inTurn = agent.name === 'cheat' && agent.family === undefined;
  const asked = inTurn ? CHEAT_BOUNDS.map(({ family }) => ({ ...agent, family })) : [agent];
  const bySample: PreparedAgent[] = [];
  for (const one of asked) {
    const options = agentOptions({ name, agent: one });
    const install = images.install && { install: images.install };
    bySample.push(await agentFor({ ...options, ...install }, images.host).fromImage());
  }
  const [first] = bySample;
  if (first === undefined) throw new ClawError('Internal', `no agent for ${agent.name}`);
  const identity = { name: first.name, version: first.version, configDigest: first.configDigest };
  if (!inTurn) return { identity, bySample, image };
  const families = bySample.map((one) => one.configDigest);
  return {
    identity: { ...identity, name: agent.name, configDigest: configDigest({ families }) },
    bySample,
    image,
  };
}

export function agentOfSample({ bySample }: BatchAgents, sample: number): PreparedAgent {
  const agent = bySample[sample % bySample.length];
  if (agent === undefined) throw new ClawError('Internal', `no agent for sample ${sample}`);
  return agent;
}
