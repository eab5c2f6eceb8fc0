import { expect, it, test } from 'vitest';
import type { AgentSpec } from '../../api/agent-spec.ts';
import { agentOptions } from './agent-settings.ts';

const arm = (agent: AgentSpec) => ({ name: 'arm', agent, model: undefined, budgets: {} });
const of = (agent: AgentSpec) => agentOptions(arm(agent));

it('turns the strings of a manifest into settings', () => {
  expect(of({ name: 'pi', config: { contextWindow: '32768', maxTokens: '4096' } })).toEqual({
    name: 'pi',
    model: { contextWindow: 32_768, maxTokens: 4096 },
  });
  const config = { version: '1.2.3', memoryMiB: '512' };
  expect(of({ name: 'command', command: ['x'], config })).toEqual({
    name: 'command',
    command: { command: ['x'], version: '1.2.3', memoryMiB: 512 },
  });
  expect(of({ name: 'cheat', family: 'daemon' })).toEqual({ name: 'cheat:daemon' });
});

test.each<[string, AgentSpec, RegExp]>([
  ['a setting of nop', { name: 'nop', config: { a: 'b' } }, /config.a: nop takes no settings/],
  [
    'an unknown setting',
    { name: 'pi', config: { thinking: 'low' } },
    /config.thinking: pi has no such setting; it has contextWindow and maxTokens/,
  ],
  [
    'a window that is no number',
    { name: 'openclaw', config: { contextWindow: '32k' } },
    /contextWindow is "32k": expected a whole number from 1024/,
  ],
  ['a tiny window', { name: 'pi', config: { contextWindow: '1023' } }, /is "1023": expected a/],
  ['no answer', { name: 'pi', config: { maxTokens: '0' } }, /maxTokens is "0": expected/],
  [
    'a window that the default answer fills',
    { name: 'pi', config: { contextWindow: '8192' } },
    /maxTokens \(8192\) must be less than contextWindow \(8192\)/,
  ],
  [
    'a version with spaces',
    { name: 'command', command: ['x'], config: { version: 'my version' } },
    /config.version is "my version": expected a version/,
  ],
  [
    'half a MiB',
    { name: 'command', command: ['x'], config: { memoryMiB: '0.5' } },
    /memoryMiB is "0.5": expected a whole number from 1/,
  ],
])('%s is refused with its field', (_name, agent, message) => {
  expect(() => of(agent)).toThrow(message);
});
