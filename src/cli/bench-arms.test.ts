import { expect, it, test } from 'vitest';
import { type ArmFlags, benchArms } from './bench-arms.ts';

const MODEL = { model: 'm', baseUrl: 'http://127.0.0.1:1/v1' };

test.each<[string, ArmFlags, RegExp]>([
  ['a model nowhere', { agent: ['nop'], model: 'm' }, /--model m .*add --base-url URL, or/],
  [
    'a model nowhere for a command',
    { agent: ['command'], command: 'x', model: 'm' },
    /--model m .*add --base-url/,
  ],
  ['an endpoint without a model', { agent: ['pi'], baseUrl: MODEL.baseUrl }, /needs --model/],
  ['two sources', { ...MODEL, agent: ['pi'], recording: 'r' }, /exclude each other/],
  ['a key for nothing', { agent: ['nop'], apiKeyEnv: 'K' }, /--api-key-env K .*add --base-url/],
  [
    'a key for a recording',
    { agent: ['pi'], recording: 'r', apiKeyEnv: 'K' },
    /--api-key-env K .*add --base-url/,
  ],
  [
    'a temperature of a recording',
    { agent: ['pi'], recording: 'r', temperature: 0 },
    /--temperature changes nothing in a recording/,
  ],
  ['a temperature of nothing', { agent: ['nop'], temperature: 1 }, /--temperature is for a model/],
  ['a command for nobody', { agent: ['nop'], command: 'x' }, /--command is for the agent command/],
  [
    'a mount for a harness',
    { ...MODEL, agent: ['pi'], mount: ['/a:/b'] },
    /--mount is for the agent command, and --agent pi has none/,
  ],
  ['a model for floors', { ...MODEL, agent: ['nop', 'lazy'] }, /--model is for the agents command/],
  ['a recording for floors', { agent: ['nop'], recording: 'r' }, /--recording is for the agents/],
  [
    'a context window of a command',
    { ...MODEL, agent: ['command'], command: 'x', contextWindow: 4096 },
    /--context-window is for the agents pi and openclaw/,
  ],
  ['answers of a floor', { agent: ['nop'], maxOutputTokens: 1 }, /--max-output-tokens is for/],
  [
    'turns of a program without a model',
    { agent: ['command'], command: 'x', maxTurns: 3 },
    /--max-turns is for agents with a model/,
  ],
  [
    'seconds of a floor',
    { agent: ['nop', 'lazy'], maxSeconds: 3 },
    /--max-seconds is for agents that/,
  ],
  ['tokens of a floor', { agent: ['nop'], maxTokens: 3 }, /--max-tokens is for agents with/],
])('%s is refused', (_name, flags, message) => {
  expect(() => benchArms(flags)).toThrow(message);
});

it('gives the budgets of one attempt to every arm', () => {
  const budgets = { maxTurns: 5, maxTokens: 1000, maxSeconds: 60 };
  const arms = benchArms({ ...MODEL, ...budgets, agent: ['pi', 'solution'] });
  const given = { turns: 5, tokens: 1000, seconds: 60 };
  expect(arms.map((arm) => arm.budgets)).toEqual([given, given]);
});

it('takes seconds for a program without a model', () => {
  const [arm] = benchArms({ agent: ['command'], command: 'x', maxSeconds: 60 });
  expect(arm?.budgets).toEqual({ seconds: 60 });
});

it('gives each flag to the arms that follow it, and to no other', () => {
  const arms = benchArms({
    ...MODEL,
    agent: ['nop', 'pi', 'command'],
    command: 'my-agent',
    mount: ['/a:/b'],
    contextWindow: 32_768,
    maxOutputTokens: 4096,
    temperature: 0.5,
  });
  expect(arms.map(({ agent, model, mounts }) => [agent, model?.sampling, mounts])).toEqual([
    [{ name: 'nop' }, undefined, undefined],
    [
      { name: 'pi', config: { contextWindow: '32768', maxTokens: '4096' } },
      { temperature: 0.5 },
      undefined,
    ],
    [
      { name: 'command', command: ['/bin/sh', '-c', 'my-agent'] },
      { temperature: 0.5 },
      [{ source: '/a', target: '/b' }],
    ],
  ]);
});
