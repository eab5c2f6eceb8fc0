import { chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { agentFor } from '../../src/agents/registry.ts';
import { type AgentRun, runAgent } from '../../src/phases/run-agent.ts';
import { stage } from '../../src/phases/stage.ts';
import { AgentTask, HOST, prepared } from '../support/agent-tasks.ts';
import { hostSandbox } from '../support/grading.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Runs a cheat that needs a process; `look` sees the workspace once the sandbox is gone. */
async function runCheat(
  family: string,
  look: (run: AgentRun, workspace: string) => Promise<void>,
): Promise<void> {
  await using dir = await tempDir();
  await chmod(dir.path, 0o755);
  const { task, blobs } = new AgentTask({ inputs: { 'in.txt': 'x' } });
  const workspaceDir = join(dir.path, 'workspace');
  const scratchDir = join(dir.path, 'scratch');
  await mkdir(scratchDir, { mode: 0o755 });
  await stage(task, blobs, workspaceDir);
  const agent = await prepared(agentFor({ name: `cheat:${family}` }, HOST));
  const plan = await agent.plan(task, { blobs, model: undefined, deadlineSeconds: 30 });
  if (plan.kind !== 'process') throw new Error('expected a process plan');
  const run = await runAgent(plan, {
    sandbox: await hostSandbox(),
    workspaceDir,
    workspacePath: task.workspace.path,
    linkSocket: undefined,
    limits: { memoryMiB: 256, cpuMillis: 1000, pids: 64, fileMiB: 16 },
    workspaceMiB: 16,
    workspaceEntries: 1000,
    tmpMiB: 16,
    deadlineSeconds: 30,
    scratchDir,
    signal: new AbortController().signal,
  });
  await look(run, workspaceDir);
}

it('ends the daemon with its sandbox, however it hides', async () => {
  await runCheat('daemon', async (run, workspace) => {
    expect(run.end).toMatchObject({ exitCode: 0, reason: 'Exited' });
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      expect(line).not.toContain('/agent/cheat.sh');
    }
    expect(await readFile(join(workspace, 'in.txt'), 'utf8')).toBe('x');
  });
});

it('keeps shims and hooks out of everything but the sandbox that planted them', async () => {
  await runCheat('outside-writes', async (run, workspace) => {
    expect(run.end).toMatchObject({ exitCode: 0, reason: 'Exited' });
    expect(await readdir(workspace)).toEqual(['in.txt']);
    for (const path of ['/app/json.py', '/verdict/verdict.json', '/etc/ld.so.preload']) {
      await expect(readFile(path)).rejects.toThrow('ENOENT');
    }
  });
});
