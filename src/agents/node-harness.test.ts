import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentTask, HOST } from '../../test/support/agent-tasks.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { parseJson } from '../base/brand.ts';
import { silentLogger } from '../base/logger.ts';
import type { AgentTaskContext, ProcessPlan } from './agent.ts';
import type { AgentHost } from './agent-host.ts';
import type { HarnessModel } from './harness-model.ts';
import { agentFor } from './registry.ts';

let dir: Awaited<ReturnType<typeof tempDir>>;
let host: AgentHost;

/** An npm that installs nothing: the plans do not need the harness itself. */
const FAKE_NPM = `#!/bin/sh
mkdir -p node_modules/openclaw/scripts
: > node_modules/openclaw/scripts/postinstall-bundled-plugins.mjs
`;

beforeAll(async () => {
  dir = await tempDir();
  await mkdir(join(dir.path, 'bin'));
  await writeFile(join(dir.path, 'bin/npm'), FAKE_NPM, { mode: 0o755 });
  host = { ...HOST, env: { PATH: `${join(dir.path, 'bin')}:/usr/bin:/bin` } };
});
afterAll(async () => await dir[Symbol.asyncDispose]());

async function prepare(name: string, model: Partial<HarnessModel> = {}, on = host) {
  const signal = new AbortController().signal;
  const context = { cacheDir: join(dir.path, 'cache'), logger: silentLogger, signal };
  return await agentFor({ name, model }, on).prepare(context);
}

async function planOf(
  name: string,
  sketch: AgentTask,
  over: Partial<AgentTaskContext> = {},
): Promise<ProcessPlan> {
  const plan = await (await prepare(name)).plan(sketch.task, sketch.context(over));
  if (plan.kind !== 'process') throw new Error('expected a process plan');
  return plan;
}

const fileOf = (plan: ProcessPlan, path: string): string =>
  String(plan.files.find((file) => file.path === path)?.content);

/** Texts that a command line could take for something else. */
const AWKWARD = ['-p --help', '@/etc/passwd', '/new', `it's "$HOME" \`id\``, 'x'.repeat(300_000)];
const TURNS = ['first', 'second', { text: 'third', newSession: true }, 'fourth'];

describe('pi', () => {
  it('records the pinned version', async () => {
    expect((await prepare('pi')).version).toBe('0.87.1');
  });

  it.each(AWKWARD)(
    'gives the instruction on standard input, never in an argument',
    async (text) => {
      const plan = await planOf('pi', new AgentTask({ turns: [text] }));
      expect(plan.commands.map(({ stdin }) => stdin)).toEqual([text]);
      expect(plan.commands[0]?.argv.join(' ')).not.toContain(text);
    },
  );

  it('continues a conversation unless a turn opens a new one', async () => {
    const plan = await planOf('pi', new AgentTask({ turns: TURNS }));
    const goesOn = plan.commands.map(({ argv }) => argv.includes('--continue'));
    expect(goesOn).toEqual([false, true, false, true]);
  });

  it('names the model in its settings, whatever the name looks like', async () => {
    const model = 'org/Model-7B:latest*';
    const plan = await planOf('pi', new AgentTask({}), { model });
    expect(parseJson(fileOf(plan, '/agent/pi/settings.json'))).toMatchObject({
      defaultModel: model,
      compaction: { enabled: false },
    });
    expect(fileOf(plan, '/agent/pi/models.json')).toContain('http://127.0.0.1:8089/v1');
  });
});

describe('openclaw', () => {
  it('records the pinned version', async () => {
    expect((await prepare('openclaw')).version).toBe('2026.9.6');
  });

  it.each(AWKWARD)('gives the instruction in a file, behind a fixed time stamp', async (text) => {
    const plan = await planOf('openclaw', new AgentTask({ turns: [text] }));
    expect(fileOf(plan, '/agent/turns/1.md')).toBe(`[Thu 2026-01-01 00:00 UTC] ${text}`);
    expect(plan.commands[0]?.argv.slice(-2)).toEqual(['--message-file', '/agent/turns/1.md']);
  });

  it('continues a conversation unless a turn opens a new one', async () => {
    const plan = await planOf('openclaw', new AgentTask({ turns: TURNS }));
    const sessions = plan.commands.map(({ argv }) => argv[argv.indexOf('--session-id') + 1]);
    expect(sessions).toEqual(['clawgym-1', 'clawgym-1', 'clawgym-2', 'clawgym-2']);
  });

  it('allows four tools and neither of the two that break the prefix', async () => {
    const plan = await planOf('openclaw', new AgentTask({}));
    expect(parseJson(fileOf(plan, '/agent/openclaw/openclaw.json'))).toMatchObject({
      tools: { allow: ['read', 'write', 'edit', 'exec'], deny: ['apply_patch'] },
      agents: { defaults: { workspace: '/root/.openclaw/workspace' } },
      plugins: { enabled: false },
    });
  });
});

describe.each(['pi', 'openclaw'])('%s', (name) => {
  it('needs a model', async () => {
    const sketch = new AgentTask({});
    const agent = await prepare(name);
    await expect(
      agent.plan(sketch.task, { blobs: sketch.blobs, model: undefined, deadlineSeconds: 1 }),
    ).rejects.toMatchObject({ code: 'InvalidInput' });
  });

  it('mounts its installation and the interpreter, and sees no credential', async () => {
    const plan = await planOf(name, new AgentTask({}));
    expect(plan.mounts.map(({ target }) => target)).toEqual(['/opt/harness', '/opt/node/bin/node']);
    expect(JSON.stringify(plan.env)).not.toMatch(/key|token|secret/i);
  });

  it('has a digest that follows its model settings and Node, and nothing of a task', async () => {
    const digest = (await prepare(name)).configDigest;
    expect((await prepare(name)).configDigest).toBe(digest);
    expect((await prepare(name, { maxTokens: 99 })).configDigest).not.toBe(digest);
    const otherNode = await prepare(name, {}, { ...host, nodeVersion: '24.0.1' });
    expect(otherNode.configDigest).not.toBe(digest);
    const moved = await prepare(name, {}, { ...host, nodePath: '/elsewhere/node' });
    expect(moved.configDigest).toBe(digest);
  });
});
