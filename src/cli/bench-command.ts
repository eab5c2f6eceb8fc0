import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { AGENT_NAMES, type AgentName } from '../api/agent-spec.ts';
import { ClawError } from '../base/error.ts';
import { DEFAULT_SNAPSHOT_CAPS } from '../phases/snapshot-caps.ts';
import { storeDir } from './local-session.ts';
import type { OutputFormat } from './output-format.ts';
import { DEFAULT_SANDBOX, plainBudgets } from './request-from-manifest.ts';
import { runLocal } from './run-local.ts';
import type { ArmRequest, ModelRequest } from './run-request.ts';

export interface BenchOptions {
  readonly tasks: string;
  readonly task?: readonly string[] | undefined;
  readonly agent: readonly string[];
  readonly command?: string | undefined;
  readonly mount?: readonly string[] | undefined;
  readonly model?: string | undefined;
  readonly baseUrl?: string | undefined;
  readonly apiKeyEnv?: string | undefined;
  readonly recording?: string | undefined;
  readonly temperature?: number | undefined;
  readonly attempts: number;
  readonly parallel?: number | undefined;
  readonly out?: string | undefined;
  readonly resume?: boolean | undefined;
  readonly skipInvalid?: boolean | undefined;
  readonly maxTurns?: number | undefined;
  readonly maxTokens?: number | undefined;
  readonly timeoutPercent: number;
  readonly disruptionLimit?: number | undefined;
  readonly output: OutputFormat;
}

const DEFAULT_OUT = 'out/bench';

/** `clawgym bench`: a BenchRun from flags. */
export async function benchCommand(options: BenchOptions): Promise<void> {
  const out = options.out ?? DEFAULT_OUT;
  if (options.resume === true && !existsSync(storeDir(out))) {
    throw new ClawError(
      'NotFound',
      `--resume: ${out} holds no earlier run; leave --resume out to start one`,
    );
  }
  const budgets = plainBudgets({ turns: options.maxTurns, tokens: options.maxTokens });
  const model = modelRequest(options);
  const arms = options.agent.map((name): ArmRequest => benchArm(name, model, options, budgets));
  await runLocal(
    {
      kind: 'BenchRun',
      name: 'bench',
      tasks: {
        path: resolve(options.tasks),
        ids: options.task,
        skipInvalid: options.skipInvalid ?? false,
      },
      arms,
      samples: options.attempts,
      parallelism: options.parallel,
      settings: {
        retries: { infraRetries: 2, disruptionLimit: options.disruptionLimit ?? 20 },
        timeoutPercent: options.timeoutPercent,
        limits: DEFAULT_SANDBOX,
        snapshot: DEFAULT_SNAPSHOT_CAPS,
        gatewayLossSeconds: 120,
        score: 'native',
      },
    },
    { out, output: options.output },
  );
}

const NEEDS_MODEL: ReadonlySet<AgentName> = new Set(['pi', 'openclaw']);

function benchArm(
  text: string,
  model: ModelRequest | undefined,
  options: BenchOptions,
  budgets: ArmRequest['budgets'],
): ArmRequest {
  const [base = '', family] = text.split(':', 2);
  const name = AGENT_NAMES.find((known) => known === base);
  if (name === undefined) {
    throw new ClawError(
      'InvalidInput',
      `--agent ${text}: unknown agent; known: ${AGENT_NAMES.join(', ')}`,
    );
  }
  if (NEEDS_MODEL.has(name) && model === undefined) {
    throw new ClawError(
      'InvalidInput',
      `--agent ${name} needs a model: add --model NAME --base-url URL, or --recording FILE`,
    );
  }
  if (name === 'command' && options.command === undefined) {
    throw new ClawError('InvalidInput', '--agent command needs --command "PROGRAM ARGUMENTS"');
  }
  const usesModel = NEEDS_MODEL.has(name) || name === 'command';
  return {
    name: text.replaceAll(':', '-'),
    agent: {
      name,
      ...(family !== undefined && { family }),
      ...(name === 'command' &&
        options.command !== undefined && { command: ['/bin/sh', '-c', options.command] }),
    },
    model: usesModel ? model : undefined,
    mounts: options.mount?.map(parseMount),
    budgets,
  };
}

function parseMount(text: string): { readonly source: string; readonly target: string } {
  const [source, target, ...rest] = text.split(':');
  if (source && target?.startsWith('/') && rest.length === 0)
    return { source: resolve(source), target };
  throw new ClawError('InvalidInput', `--mount ${text}: expected HOST_FOLDER:/FOLDER_INSIDE`);
}

function modelRequest(options: BenchOptions): ModelRequest | undefined {
  const { model, baseUrl, recording, apiKeyEnv } = options;
  if (baseUrl !== undefined && recording !== undefined) {
    throw new ClawError('InvalidInput', '--base-url and --recording exclude each other');
  }
  if (recording !== undefined) {
    const path = resolve(recording);
    return { name: model ?? 'recorded', sampling: {}, source: { kind: 'recording', path } };
  }
  if (baseUrl === undefined) return undefined;
  if (model === undefined) {
    throw new ClawError(
      'InvalidInput',
      '--base-url needs --model with the name that the endpoint knows',
    );
  }
  const sampling = options.temperature === undefined ? {} : { temperature: options.temperature };
  return { name: model, sampling, source: { kind: 'endpoint', baseUrl, apiKeyEnv } };
}
