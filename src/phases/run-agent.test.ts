import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import type { AgentEnd } from '../rollouts/outcome.ts';
import type { SandboxExit } from './process-sandbox.ts';
import { runAgent } from './run-agent.ts';

const NOTHING = { bytes: new Uint8Array(), totalBytes: 0, truncated: false };
const EXIT: SandboxExit = {
  exitCode: 0,
  signal: null,
  timedOut: false,
  cancelled: false,
  oomKilled: false,
  peakMemoryMiB: undefined,
  cpuSeconds: undefined,
  seconds: 3,
  stdout: NOTHING,
  stderr: { ...NOTHING, bytes: new Uint8Array(Buffer.from('last words\n')) },
};

/** A wrapper that ended in this way and left no report. */
async function withoutReport(change: Partial<SandboxExit>) {
  await using dir = await tempDir();
  const workspaceDir = join(dir.path, 'workspace');
  await mkdir(workspaceDir);
  return await runAgent(
    { kind: 'process', commands: [], files: [], mounts: [], env: {}, memoryMiB: 64 },
    {
      sandbox: { root: 'host', run: async () => ({ ...EXIT, ...change }) },
      workspaceDir,
      workspacePath: '/work',
      linkSocket: undefined,
      limits: { memoryMiB: 64, cpuMillis: 1000, pids: 8, fileMiB: 8 },
      workspaceMiB: 8,
      workspaceEntries: 100,
      tmpMiB: 8,
      deadlineSeconds: 5,
      scratchDir: dir.path,
      signal: new AbortController().signal,
    },
  );
}

it.each<[string, Partial<SandboxExit>, AgentEnd['reason'], readonly string[]]>([
  [
    'was killed for memory',
    { exitCode: null, signal: 'SIGKILL', oomKilled: true },
    'MemoryLimit',
    ['MemoryLimit'],
  ],
  ['hung', { exitCode: null, signal: 'SIGKILL', timedOut: true }, 'Deadline', []],
  ['was stopped by us', { exitCode: null, signal: 'SIGKILL', cancelled: true }, 'Cancelled', []],
  ['could not write its report', { exitCode: 70 }, 'Exited', []],
  ['lost its report', { exitCode: 0 }, 'Exited', []],
])('a wrapper that %s is the end of its agent', async (_how, exit, reason, codes) => {
  const { end, findings } = await withoutReport(exit);
  expect(end).toEqual({ exitCode: null, signal: 'SIGKILL', reason, seconds: 3 });
  expect(findings.map(({ code }) => code)).toEqual(codes);
});

it.each<[string, Partial<SandboxExit>]>([
  ['failed before the agent began', { exitCode: 1 }],
  ['was killed from outside', { exitCode: null, signal: 'SIGKILL' }],
])('a wrapper that %s is a failure of ours at first', async (_how, exit) => {
  await expect(withoutReport(exit)).rejects.toThrow(/ended without a report .*: last words$/);
});
