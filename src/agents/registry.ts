import { z } from 'zod';
import { ClawError } from '../base/error.ts';
import type { Agent } from './agent.ts';
import type { AgentHost } from './agent-host.ts';
import { cheatAgent } from './cheat.ts';
import { type CommandOptions, commandAgent } from './command.ts';
import type { HarnessInstallOptions } from './harness-install.ts';
import { type HarnessModel, zHarnessModel } from './harness-model.ts';
import { lazyAgent } from './lazy.ts';
import { nopAgent } from './nop.ts';
import { openclawAgent } from './openclaw.ts';
import { piAgent } from './pi.ts';
import { solutionAgent } from './solution.ts';

export interface AgentOptions {
  /** A name, for `cheat` and `lazy` with a variant: `cheat:daemon`, `lazy:empty`. */
  readonly name: string;
  /** Needed by `command`, refused elsewhere. */
  readonly command?: CommandOptions;
  /** What `pi` and `openclaw` are told of the model. */
  readonly model?: Partial<HarnessModel>;
  readonly install?: HarnessInstallOptions;
}

/** Every name, as messages and help print them. */
export const AGENT_NAMES = [
  'nop',
  'lazy',
  'lazy:empty',
  'solution',
  'cheat:<family>',
  'command',
  'pi',
  'openclaw',
] as const;

/** The harness of that name. Installs nothing: that is `prepare`'s. Throws `InvalidInput`. */
export function agentFor(options: AgentOptions, host: AgentHost): Agent {
  const { name } = options;
  if (options.command !== undefined && name !== 'command') {
    throw new ClawError('InvalidInput', `agent ${JSON.stringify(name)} takes no command line`);
  }
  const harness = { model: harnessModel(options), ...installOf(options) };
  switch (name) {
    case 'nop':
      return nopAgent();
    case 'lazy':
    case 'lazy:placeholder':
      return lazyAgent('placeholder');
    case 'lazy:empty':
      return lazyAgent('empty');
    case 'solution':
      return solutionAgent();
    case 'pi':
      return piAgent(host, harness);
    case 'openclaw':
      return openclawAgent(host, harness);
    case 'command':
      return commandAgent(requireCommand(options));
    default:
      if (name.startsWith('cheat:')) return cheatAgent(name.slice('cheat:'.length));
      throw new ClawError(
        'InvalidInput',
        `unknown agent ${JSON.stringify(name)}; known: ${AGENT_NAMES.join(', ')}`,
      );
  }
}

function harnessModel({ name, model }: AgentOptions): HarnessModel {
  const parsed = zHarnessModel.safeParse(model ?? {});
  if (parsed.success) return parsed.data;
  throw new ClawError('InvalidInput', `agent ${name}: model: ${z.prettifyError(parsed.error)}`);
}

function installOf({ install }: AgentOptions): { readonly install?: HarnessInstallOptions } {
  return install === undefined ? {} : { install };
}

function requireCommand({ command }: AgentOptions): CommandOptions {
  if (command !== undefined) return command;
  throw new ClawError(
    'InvalidInput',
    'agent "command" needs a command line, for example --command "my-agent --yes"',
  );
}
