import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProcessPlan } from '../../src/agents/agent.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { Logger } from '../../src/base/logger.ts';
import type { BwrapSandbox } from '../../src/engines/local/sandbox/bwrap-sandbox.ts';
import { ensureHostTools } from '../../src/engines/local/sandbox/host-tools.ts';
import {
  type OpenSandboxOptions,
  openSandbox,
} from '../../src/engines/local/sandbox/open-sandbox.ts';
import { ensureRunnerRoot, type RunnerRoot } from '../../src/engines/local/sandbox/runner-root.ts';
import { ensureGradePrograms } from '../../src/phases/grade-programs.ts';
import { makeAccessible } from '../../src/phases/make-accessible.ts';
import type { ProcessSandbox, SandboxSpec } from '../../src/phases/process-sandbox.ts';
import { type AgentRun, type RunAgentContext, runAgent } from '../../src/phases/run-agent.ts';

/** Uid of the tests themselves. */
export const TEST_UID = process.getuid?.() ?? -1;

const consoleLogger: Logger = {
  debug: () => undefined,
  info: (_fields, message) => console.log(message),
  warn: (fields, message) => console.log(message, fields),
  error: (fields, message) => console.log(message, fields),
};

/** The cache that the product itself uses. */
function testCacheDir(): string {
  const home = TEST_UID === 0 ? '/var/cache' : join(homedir(), '.cache');
  return process.env['CLAWGYM_CACHE_DIR'] ?? join(home, 'clawgym');
}

/** The compiled grader for a sandbox, as the product's own runs find it. */
export async function testProgramsDir(sandbox: ProcessSandbox): Promise<string> {
  const signal = AbortSignal.timeout(60_000);
  return await ensureGradePrograms({ cacheDir: testCacheDir(), sandbox, signal });
}

/** The runner root of the cache that the product itself uses; built on first use. */
export async function testRunnerRoot(): Promise<RunnerRoot> {
  const signal = AbortSignal.timeout(540_000);
  const common = { env: process.env, logger: consoleLogger, signal };
  const tools = await ensureHostTools({ ...common, uid: TEST_UID });
  return await ensureRunnerRoot({
    ...common,
    cacheDir: testCacheDir(),
    arch: process.arch,
    mmdebstrap: tools.mmdebstrap,
    clock: systemClock,
  });
}

export async function openTestSandbox(
  change: Partial<OpenSandboxOptions> = {},
): Promise<BwrapSandbox> {
  return await openSandbox({
    root: change.root ?? (await testRunnerRoot()),
    uid: TEST_UID,
    clock: systemClock,
    logger: consoleLogger,
    ...change,
  });
}

/** A folder for one test file that the sandbox's user can enter. */
export function scratchFolder(): { readonly path: string; fresh(): string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'clawgym-test-'));
  chmodSync(path, 0o711);
  let next = 0;
  return {
    path,
    fresh: () => {
      next += 1;
      const folder = join(path, String(next));
      mkdirSync(folder, { mode: 0o711 });
      return folder;
    },
    remove: () => removeDeep(path),
  };
}

/** Trees of hostile agents can be deeper than Node's own removal can name. */
function removeDeep(path: string): void {
  execFileSync('chmod', ['-R', 'u+rwX', path]);
  execFileSync('rm', ['-rf', path]);
}

export const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', HOME: '/tmp' };

export function spec(script: string, change: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    name: 'test',
    argv: ['/usr/bin/bash', '-c', script],
    env: ENV,
    cwd: '/tmp',
    stdin: '',
    mounts: [],
    tmpMiB: 64,
    limits: { memoryMiB: 256, cpuMillis: 2000, pids: 64, fileMiB: 32 },
    deadlineSeconds: 20,
    keepOutputBytes: 64 * 1024,
    ...change,
  };
}

export interface AgentTrial {
  readonly run: AgentRun;
  readonly out: string;
  readonly err: string;
  readonly workspace: string;
}

/** Runs one bash script as an agent in a workspace of its own. */
export async function runScript(
  sandbox: BwrapSandbox,
  folder: string,
  script: string | readonly string[],
  change: Partial<RunAgentContext> = {},
  planChange: Partial<ProcessPlan> = {},
): Promise<AgentTrial> {
  const workspace = join(folder, 'workspace');
  mkdirSync(workspace, { recursive: true });
  makeAccessible(workspace, sandbox.owner);
  const scripts = typeof script === 'string' ? [script] : script;
  const plan: ProcessPlan = {
    kind: 'process',
    commands: scripts.map((text) => ({ argv: ['bash', '-c', text] })),
    files: [],
    mounts: [],
    env: {},
    memoryMiB: 64,
    ...planChange,
  };
  const run = await runAgent(plan, {
    sandbox,
    workspaceDir: workspace,
    workspacePath: '/root/.openclaw/workspace',
    linkSocket: undefined,
    limits: { memoryMiB: 256, cpuMillis: 2000, pids: 64, fileMiB: 64 },
    workspaceMiB: 64,
    workspaceEntries: 10_000,
    tmpMiB: 64,
    deadlineSeconds: 20,
    scratchDir: folder,
    signal: new AbortController().signal,
    ...change,
  });
  const out = Buffer.from(run.stdout.bytes).toString();
  const err = Buffer.from(run.stderr.bytes).toString();
  return { run, out, err, workspace };
}

export const text = (output: { readonly bytes: Uint8Array }): string =>
  Buffer.from(output.bytes).toString();
