import { describe, expect, it } from 'vitest';
import { AgentTask, HOST, prepared } from '../../test/support/agent-tasks.ts';
import type { AgentPlan } from './agent.ts';
import { lazyChanges } from './lazy.ts';
import { agentFor } from './registry.ts';

function changesOf(plan: AgentPlan): Record<string, string> {
  if (plan.kind !== 'builtin') throw new Error('expected a builtin plan');
  return Object.fromEntries(
    plan.changes.map((change) => [
      change.path,
      change.op === 'write' ? Buffer.from(change.content).toString() : change.op,
    ]),
  );
}

describe('nop', () => {
  it('changes nothing', async () => {
    const sketch = new AgentTask({});
    const nop = await prepared(agentFor({ name: 'nop' }, HOST));
    expect(nop.unsuited(sketch.task)).toBeUndefined();
    expect(await nop.plan(sketch.task, sketch.context())).toEqual({ kind: 'builtin', changes: [] });
  });
});

describe('lazy', () => {
  it('creates every named path with the smallest file of its type', async () => {
    const sketch = new AgentTask({
      turns: ['Write out/a.json, out/b.csv and notes.md.', 'Then fill logs/ and x/run.weird.'],
    });
    const lazy = await prepared(agentFor({ name: 'lazy' }, HOST));
    expect(changesOf(await lazy.plan(sketch.task, sketch.context()))).toMatchObject({
      'out/a.json': '{}\n',
      'out/b.csv': 'a,b\n1,2\n',
      'notes.md': '# Placeholder\n\nplaceholder\n',
      logs: 'mkdir',
    });
  });

  it('leaves files empty in its other style', () => {
    const { task } = new AgentTask({ turns: ['Write out/a.json.'] });
    expect(lazyChanges(task, 'empty')).toEqual([
      { op: 'write', path: 'out/a.json', content: Buffer.from('') },
    ]);
  });

  it.each<[string, string, Record<string, string>, readonly string[]]>([
    ['an input', 'Read in/a.csv.', { 'in/a.csv': '1' }, []],
    ['a folder of an input', 'Look into in/ now.', { 'in/a.csv': '1' }, []],
    ['a path below an input', 'See data.csv/x.txt here.', { 'data.csv': '1' }, []],
    ['a file where a folder is needed', 'Make pkg.py and pkg.py/x.py.', {}, ['pkg.py/x.py']],
    ['paths outside', 'Write /etc/x.json and ../y.json.', {}, []],
  ])('never touches %s', (_name, text, inputs, expected) => {
    const { task } = new AgentTask({ turns: [text], inputs });
    expect(lazyChanges(task, 'placeholder').map(({ path }) => path)).toEqual(expected);
  });
});

describe('solution', () => {
  it('does not suit a task without one', async () => {
    const sketch = new AgentTask({});
    const solution = await prepared(agentFor({ name: 'solution' }, HOST));
    expect(solution.unsuited(sketch.task)).toMatchObject({ reason: 'NoReferenceSolution' });
  });

  it('lays its files over the workspace', async () => {
    const sketch = new AgentTask({ solution: { files: { 'out/a.json': '[1]' } } });
    const solution = await prepared(agentFor({ name: 'solution' }, HOST));
    expect(changesOf(await solution.plan(sketch.task, sketch.context()))).toEqual({
      'out/a.json': '[1]',
    });
  });

  it('runs its script in the sandbox and keeps its files out of the workspace', async () => {
    const files = { 'solve.sh': 'cp x y', 'lib/data.txt': 'd' };
    const sketch = new AgentTask({ solution: { files, script: 'solve.sh' } });
    const solution = await prepared(agentFor({ name: 'solution' }, HOST));
    const plan = await solution.plan(sketch.task, sketch.context());
    if (plan.kind !== 'process') throw new Error('expected a process plan');
    expect(plan.commands).toEqual([{ argv: ['bash', '/agent/solution/solve.sh'] }]);
    const laid = Object.fromEntries(plan.files.map((f) => [f.path, String(f.content)]));
    expect(laid).toMatchObject({
      '/agent/solution/solve.sh': 'cp x y',
      '/agent/solution/lib/data.txt': 'd',
    });
  });
});

describe('command', () => {
  const turns = ['first', 'second', { text: 'third', newSession: true }];

  it('runs once a turn with the turn in its environment and nothing quoted', async () => {
    const sketch = new AgentTask({ turns });
    const line = `my-agent --say "it's $HOME" < "$CLAWGYM_INSTRUCTION_FILE"`;
    const agent = await prepared(agentFor({ name: 'command', command: { command: line } }, HOST));
    const plan = await agent.plan(sketch.task, sketch.context({ deadlineSeconds: 30 }));
    if (plan.kind !== 'process') throw new Error('expected a process plan');
    expect(plan.commands.map(({ argv }) => argv)).toEqual(
      [1, 2, 3].map((turn) => [
        'env',
        `CLAWGYM_INSTRUCTION_FILE=/agent/turns/${turn}.md`,
        `CLAWGYM_TURN=${turn}`,
        `CLAWGYM_SESSION=${turn === 3 ? 2 : 1}`,
        'sh',
        '-c',
        line,
      ]),
    );
    expect(plan.env).toEqual({
      CLAWGYM_MODEL: 'm',
      CLAWGYM_TURNS: '3',
      CLAWGYM_DEADLINE_SECONDS: '30',
    });
    expect(plan.files).toContainEqual({ path: '/agent/turns/2.md', content: 'second' });
    expect(plan.files).toContainEqual({
      path: '/agent/instruction.md',
      content: 'first\n\nsecond\n\nthird',
    });
  });

  it('passes a list of arguments on as it is', async () => {
    const sketch = new AgentTask({});
    const command = ['tool', '--x', 'a b', '$NOT'];
    const agent = await prepared(agentFor({ name: 'command', command: { command } }, HOST));
    const plan = await agent.plan(sketch.task, sketch.context());
    expect(plan.kind === 'process' && plan.commands[0]?.argv.slice(4)).toEqual(command);
  });

  it.each<[string, string | readonly string[]]>([
    ['an empty line', ' '],
    ['an empty list', []],
    ['a NUL character', ['a', 'b\0c']],
  ])('refuses %s', (_name, command) => {
    expect(() => agentFor({ name: 'command', command: { command } }, HOST)).toThrow(
      expect.objectContaining({ code: 'InvalidInput' }),
    );
  });
});

describe('registry', () => {
  it.each([
    ['an unknown agent, with the known ones', { name: 'clippy' }, /known: nop, lazy, /],
    ['an unknown cheat, with the known ones', { name: 'cheat:x' }, /known: reward-json-module, /],
    ['a command agent without a command', { name: 'command' }, /--command/],
    ['a command for another agent', { name: 'nop', command: { command: 'x' } }, /no command line/],
    ['model settings out of range', { name: 'pi', model: { maxTokens: 0 } }, /maxTokens/],
  ])('refuses %s', (_name, options, message) => {
    const make = () => agentFor(options, HOST);
    expect(make).toThrow(expect.objectContaining({ code: 'InvalidInput' }));
    expect(make).toThrow(message);
  });

  it('gives every configuration a digest of its own that stays', async () => {
    const variants = [
      { name: 'nop' },
      { name: 'lazy' },
      { name: 'lazy:empty' },
      { name: 'solution' },
      { name: 'cheat:daemon' },
      { name: 'command', command: { command: 'a' } },
      { name: 'command', command: { command: 'b' } },
      { name: 'command', command: { command: 'a', version: '2' } },
    ];
    const digests = async () =>
      await Promise.all(
        variants.map(async (options) => (await prepared(agentFor(options, HOST))).configDigest),
      );
    const first = await digests();
    expect(new Set(first).size).toBe(variants.length);
    expect(await digests()).toEqual(first);
  });
});
