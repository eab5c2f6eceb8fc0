import { zHarnessModel } from '../../agents/harness-model.ts';
import type { AgentOptions } from '../../agents/registry.ts';
import type { AgentName, AgentSpec } from '../../api/agent-spec.ts';
import { ClawError } from '../../base/error.ts';

/** An agent as a manifest names it, with the arm that it runs for. */
export interface AgentRequest {
  readonly name: string;
  readonly agent: AgentSpec;
  /** Host folders for the agent "command", read-only. */
  readonly mounts?: readonly { readonly source: string; readonly target: string }[] | undefined;
}

/** What `agent.config` may hold, by agent; docs/reference/agent-contract.md lists it. */
const SETTINGS: Readonly<Record<AgentName, readonly string[]>> = {
  nop: [],
  lazy: [],
  solution: [],
  cheat: [],
  command: ['version', 'memoryMiB'],
  pi: ['contextWindow', 'maxTokens'],
  openclaw: ['contextWindow', 'maxTokens'],
};

const MAX_MEMORY_MIB = 1024 * 1024;
const MIN_CONTEXT = 1024;
const MAX_TOKENS = 100_000_000;

/**
 * What the registry is asked for: an arm's agent with its settings, which are strings in a manifest.
 * All of them enter the agent's configuration digest. Throws `InvalidManifest` with the field.
 */
export function agentOptions(arm: AgentRequest): AgentOptions {
  refuseUnknown(arm);
  const { name, command, family } = arm.agent;
  if (family !== undefined) return { name: `${name}:${family}` };
  if (name === 'command' && command !== undefined) {
    return { name, command: { command, ...commandSettings(arm) } };
  }
  if (name === 'pi' || name === 'openclaw') return { name, model: harnessSettings(arm) };
  return { name };
}

function commandSettings(arm: AgentRequest) {
  const version = arm.agent.config?.['version'];
  if (version !== undefined && !/^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/.test(version)) {
    throw refused(arm, 'version', 'a version, for example "1.2.3"');
  }
  const memoryMiB = wholeNumber(arm, 'memoryMiB', 1, MAX_MEMORY_MIB);
  return {
    ...(version !== undefined && { version }),
    ...(memoryMiB !== undefined && { memoryMiB }),
    ...(arm.mounts && { mounts: arm.mounts }),
  };
}

function harnessSettings(arm: AgentRequest): NonNullable<AgentOptions['model']> {
  const contextWindow = wholeNumber(arm, 'contextWindow', MIN_CONTEXT, MAX_TOKENS);
  const maxTokens = wholeNumber(arm, 'maxTokens', 1, MAX_TOKENS);
  const used = zHarnessModel.parse({ contextWindow, maxTokens });
  if (used.maxTokens >= used.contextWindow) {
    throw new ClawError(
      'InvalidManifest',
      `arm ${arm.name}: maxTokens (${used.maxTokens}) must be less than contextWindow (${used.contextWindow}): set agent.config.maxTokens and agent.config.contextWindow, or --max-output-tokens and --context-window`,
    );
  }
  return {
    ...(contextWindow !== undefined && { contextWindow }),
    ...(maxTokens !== undefined && { maxTokens }),
  };
}

function wholeNumber(
  arm: AgentRequest,
  key: string,
  least: number,
  most: number,
): number | undefined {
  const text = arm.agent.config?.[key];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value;
  throw refused(arm, key, `a whole number from ${least} to ${most}, as a string`);
}

function refuseUnknown(arm: AgentRequest): void {
  const { name, config } = arm.agent;
  const known = SETTINGS[name];
  const unknown = Object.keys(config ?? {}).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new ClawError(
    'InvalidManifest',
    known.length === 0
      ? `arm ${arm.name}: agent.config.${unknown}: ${name} takes no settings; leave agent.config out`
      : `arm ${arm.name}: agent.config.${unknown}: ${name} has no such setting; it has ${known.join(' and ')}`,
  );
}

function refused({ name, agent }: AgentRequest, key: string, expected: string): ClawError {
  const value = JSON.stringify(agent.config?.[key]?.slice(0, 80));
  return new ClawError(
    'InvalidManifest',
    `arm ${name}: agent.config.${key} is ${value}: expected ${expected}`,
  );
}
