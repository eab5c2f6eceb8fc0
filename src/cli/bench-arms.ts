import { resolve } from 'node:path';
import { AGENT_NAMES, type AgentName } from '../api/agent-spec.ts';
import { ClawError } from '../base/error.ts';
import { plainBudgets } from '../server/planning/batch-settings.ts';
import type { ArmRequest, ModelRequest } from './run-request.ts';

/** The flags of `clawgym bench` that shape its arms. */
export interface ArmFlags {
  readonly agent: readonly string[];
  readonly command?: string | undefined;
  readonly mount?: readonly string[] | undefined;
  readonly model?: string | undefined;
  readonly baseUrl?: string | undefined;
  readonly apiKeyEnv?: string | undefined;
  readonly recording?: string | undefined;
  readonly temperature?: number | undefined;
  readonly contextWindow?: number | undefined;
  readonly maxOutputTokens?: number | undefined;
  readonly maxTurns?: number | undefined;
  readonly maxTokens?: number | undefined;
  readonly maxSeconds?: number | undefined;
}

const HARNESSES: ReadonlySet<AgentName> = new Set(['pi', 'openclaw']);

/**
 * One arm an `--agent`. Throws `InvalidInput` for every flag that none of the arms would follow, so
 * that nothing that was asked for is left out unsaid.
 */
export function benchArms(flags: ArmFlags): readonly ArmRequest[] {
  const model = modelRequest(flags);
  const arms = flags.agent.map((name) => benchArm(name, model, flags));
  const names = new Set(arms.map(({ agent }) => agent.name));
  const harness = [...names].some((name) => HARNESSES.has(name));
  const command = names.has('command');
  const programs = [...names].some((name) => name !== 'nop' && name !== 'lazy');
  const asks = model !== undefined && (harness || command);
  const harnesses = 'the agents pi and openclaw';
  const unheeded: readonly (readonly [string, unknown, boolean, string])[] = [
    ['--command', flags.command, command, 'the agent command'],
    ['--mount', flags.mount, command, 'the agent command'],
    ['--context-window', flags.contextWindow, harness, harnesses],
    ['--max-output-tokens', flags.maxOutputTokens, harness, harnesses],
    ['--model', model, asks, 'the agents command, pi and openclaw'],
    ['--max-turns', flags.maxTurns, asks, 'agents with a model'],
    ['--max-tokens', flags.maxTokens, asks, 'agents with a model'],
    ['--max-seconds', flags.maxSeconds, programs, 'agents that start a program'],
  ];
  const flag = unheeded.find(([, value, heeded]) => value !== undefined && !heeded);
  if (flag === undefined) return arms;
  const shown = flag[0] === '--model' && flags.recording !== undefined ? '--recording' : flag[0];
  throw new ClawError(
    'InvalidInput',
    `${shown} is for ${flag[3]}, and --agent ${flags.agent.join(' ')} has none: leave it out, or add such an agent`,
  );
}

function benchArm(text: string, model: ModelRequest | undefined, flags: ArmFlags): ArmRequest {
  const [base = '', family] = text.split(':', 2);
  const name = AGENT_NAMES.find((known) => known === base);
  if (name === undefined) {
    throw new ClawError(
      'InvalidInput',
      `--agent ${text}: unknown agent; known: ${AGENT_NAMES.join(', ')}`,
    );
  }
  if (HARNESSES.has(name) && model === undefined) {
    throw new ClawError(
      'InvalidInput',
      `--agent ${name} needs a model: add --model NAME --base-url URL, or --recording FILE`,
    );
  }
  if (name === 'command' && flags.command === undefined) {
    throw new ClawError('InvalidInput', '--agent command needs --command "PROGRAM ARGUMENTS"');
  }
  const command = name === 'command' && flags.command;
  const config = HARNESSES.has(name) ? harnessConfig(flags) : {};
  return {
    name: text.replaceAll(':', '-'),
    agent: {
      name,
      ...(family !== undefined && { family }),
      ...(command && { command: ['/bin/sh', '-c', command] }),
      ...(Object.keys(config).length > 0 && { config }),
    },
    model: HARNESSES.has(name) || name === 'command' ? model : undefined,
    mounts: name === 'command' ? flags.mount?.map(parseMount) : undefined,
    budgets: plainBudgets({
      turns: flags.maxTurns,
      tokens: flags.maxTokens,
      seconds: flags.maxSeconds,
    }),
  };
}

/** As a manifest would say it. */
function harnessConfig({ contextWindow, maxOutputTokens }: ArmFlags): Record<string, string> {
  return {
    ...(contextWindow !== undefined && { contextWindow: String(contextWindow) }),
    ...(maxOutputTokens !== undefined && { maxTokens: String(maxOutputTokens) }),
  };
}

function parseMount(text: string): { readonly source: string; readonly target: string } {
  const [source, target, ...rest] = text.split(':');
  if (source && target?.startsWith('/') && rest.length === 0)
    return { source: resolve(source), target };
  throw new ClawError('InvalidInput', `--mount ${text}: expected HOST_FOLDER:/FOLDER_INSIDE`);
}

function modelRequest(flags: ArmFlags): ModelRequest | undefined {
  const { model, baseUrl, recording, apiKeyEnv, temperature } = flags;
  const refuse = (message: string): never => {
    throw new ClawError('InvalidInput', message);
  };
  if (baseUrl !== undefined && recording !== undefined) {
    return refuse('--base-url and --recording exclude each other');
  }
  if (apiKeyEnv !== undefined && baseUrl === undefined) {
    return refuse(`--api-key-env ${apiKeyEnv} is for an endpoint: add --base-url URL`);
  }
  if (recording !== undefined) {
    if (temperature !== undefined) {
      return refuse('--temperature changes nothing in a recording: leave it out');
    }
    const path = resolve(recording);
    return { name: model ?? 'recorded', sampling: {}, source: { kind: 'recording', path } };
  }
  if (baseUrl === undefined) {
    if (model !== undefined) {
      return refuse(
        `--model ${model} says which model, not where it is: add --base-url URL, or --recording FILE`,
      );
    }
    if (temperature === undefined) return undefined;
    return refuse('--temperature is for a model: add --model NAME --base-url URL');
  }
  if (model === undefined) {
    return refuse('--base-url needs --model with the name that the endpoint knows');
  }
  const sampling = temperature === undefined ? {} : { temperature };
  return { name: model, sampling, source: { kind: 'endpoint', baseUrl, apiKeyEnv } };
}
