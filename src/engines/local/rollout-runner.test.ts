import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ENGINE_ROLLOUT, engineBatch } from '../../../test/support/engine-batch.ts';
import { MemoryArtifacts } from '../../../test/support/memory-artifacts.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import type { AgentPlan } from '../../agents/agent.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import { silentLogger } from '../../base/logger.ts';
import { REPORT_DIR, reportName } from '../../phases/agent-spec.ts';
import type { SandboxExit } from '../../phases/process-sandbox.ts';
import type { AgentEnd } from '../../rollouts/outcome.ts';
import { rolloutService } from '../../server/rollout-service.ts';
import type { AttemptRow, RolloutRow } from '../../store/records.ts';
import { openSqliteStore } from '../../store/sqlite/open.ts';
import { LocalEngine } from './local-engine.ts';
import { openRuntimeDir } from './runtime-dir.ts';

const program: AgentPlan = {
  kind: 'process',
  commands: [{ argv: ['true'] }],
  files: [],
  mounts: [],
  env: {},
  memoryMiB: 16,
};
const nothing: AgentPlan = { kind: 'builtin', changes: [] };

interface Faults {
  readonly plan: AgentPlan;
  readonly sandbox?: () => ClawError;
  /** How every sandbox ends, without any report. */
  readonly ended?: SandboxExit;
  readonly artifact?: () => Error;
  /** The agent has a model, whose gateway ended the episode, and ends by exit 0. */
  readonly lost?: 'LinkLost' | 'UpstreamFailed';
  /** What the wrapper reports, the budget not being used up. */
  readonly report?: { readonly reason: AgentEnd['reason'] };
}

const OUTPUT = { bytes: new Uint8Array(), totalBytes: 0, truncated: false };
const ENDED: SandboxExit = {
  ...{ exitCode: 0, signal: null, timedOut: false, cancelled: false, oomKilled: false },
  ...{
    peakMemoryMiB: undefined,
    cpuSeconds: undefined,
    seconds: 1,
    stdout: OUTPUT,
    stderr: OUTPUT,
  },
};

/** Runs one rollout with injected faults; its row and attempts in the end. */
async function run(faults: Faults): Promise<{ row: RolloutRow; attempts: readonly AttemptRow[] }> {
  await using dir = await tempDir();
  await using store = await openSqliteStore({
    folder: join(dir.path, 'store'),
    holder: 'test',
    clock: systemClock,
  });
  await using runtime = await openRuntimeDir(join(dir.path, 'store'));
  const artifacts = new MemoryArtifacts();
  await artifacts.put(Buffer.from('print'));
  const { artifact, lost, report } = faults;
  if (artifact) artifacts.put = () => Promise.reject(artifact());
  const engine = new LocalEngine({
    store,
    api: rolloutService(store, artifacts),
    sandbox: {
      root: 'test',
      run: async ({ name, mounts, stdin }) => {
        if (faults.ended) return faults.ended;
        if (lost === undefined || name !== 'agent')
          throw faults.sandbox?.() ?? new ClawError('SandboxFailed', 'no sandbox');
        const folder = mounts.find(({ target }) => target === REPORT_DIR)?.source ?? '';
        const { nonce } = z.object({ nonce: z.string() }).parse(JSON.parse(`${stdin}`));
        const killed = { exitCode: null, signal: 'SIGKILL', detail: '', seconds: 1, nonce };
        const text = JSON.stringify({ ...killed, ...report });
        if (report !== undefined) await writeFile(join(folder, reportName(nonce)), text);
        return ENDED;
      },
    },
    programsDir: dir.path,
    models: {
      open: async ({ socketDir }) => {
        const socketPath = join(socketDir, 'link', 'socket');
        await mkdir(join(socketDir, 'link'));
        await writeFile(socketPath, '');
        return {
          socketPath,
          budgetEnded: () => report === undefined,
          lost: () => lost && { code: lost, message: 'words of the endpoint' },
          [Symbol.asyncDispose]: () => Promise.resolve(),
        };
      },
    },
    runtime,
    clock: { ...systemClock, sleep: () => Promise.resolve() },
    logger: silentLogger,
    engineId: 'engine',
    newNonce: () => 'nonce',
    knownCheckNames: () => Promise.resolve(undefined),
  });
  const rollout = ENGINE_ROLLOUT;
  const observer = { started: () => {}, retried: () => {}, decided: () => {} };
  const signal = new AbortController().signal;
  const batch = engineBatch(faults.plan, artifacts);
  const model = lost && { name: 'm', upstream: 'u', sampling: {} };
  await engine.run([{ ...batch, model }], { parallelism: 1, signal, observer });
  const row = await store.getRollout(rollout);
  if (row === undefined) throw new Error('no row');
  return { row, attempts: await store.listAttempts(rollout) };
}

const classes = (attempts: readonly AttemptRow[]) =>
  attempts.map(({ close }) => `${close?.class} ${close?.reason}`);

test('a lost sandbox host is a disruption with its own limit', async () => {
  const lost = () => new ClawError('SandboxHostLost', 'gone', { retryable: true });
  const { row, attempts } = await run({ plan: program, sandbox: lost });
  expect(classes(attempts)).toEqual(Array(4).fill('disruption SandboxHostLost'));
  expect(row.decision).toMatchObject({ outcome: 'infra_error', reason: 'SandboxHostLost' });
});

test('a sandbox that does not start is an infrastructure failure, never a score', async () => {
  const { row, attempts } = await run({ plan: program });
  expect(classes(attempts)).toEqual(Array(3).fill('infra_error SandboxFailed'));
  expect(row.decision).toMatchObject({ outcome: 'infra_error', score: { final: null } });
});

test('a wrapper that is killed at every try is decided against the agent', async () => {
  const killed = { ...ENDED, exitCode: null, signal: 'SIGKILL' };
  const { row, attempts } = await run({ plan: program, ended: killed });
  expect(classes(attempts)).toEqual(Array(3).fill('infra_error SnapshotNeverArrived'));
  expect(row.decision).toMatchObject({ outcome: 'agent_error', score: { flat: 0, final: 0 } });
});

test('a workspace that never arrives is decided against the agent', async () => {
  const unreadable = () => new Error('EIO: the workspace cannot be read');
  const { row, attempts } = await run({ plan: nothing, artifact: unreadable });
  expect(classes(attempts)).toEqual(Array(3).fill('infra_error SnapshotNeverArrived'));
  expect(row.decision).toMatchObject({
    outcome: 'agent_error',
    reason: 'SnapshotNeverArrived',
    score: { flat: 0, final: 0 },
    findings: [{ code: 'SnapshotNeverArrived' }],
  });
});

test('a used-up budget stands where the link was lost after it', async () => {
  const { row, attempts } = await run({ plan: program, lost: 'LinkLost' });
  expect(attempts).toHaveLength(1);
  expect(attempts[0]?.end?.agent.reason).toBe('Budget');
  expect(row.decision?.reason).toBe('VerifySandboxFailed');
});

test('a used-up budget does not where its endpoint failed', async () => {
  const { attempts } = await run({ plan: program, lost: 'UpstreamFailed' });
  expect(classes(attempts)).toEqual(Array(3).fill('infra_error UpstreamFailed'));
});

test('an attempt that lost its model keeps what its agent printed, and says why', async () => {
  const { row, attempts } = await run({ plan: program, lost: 'UpstreamFailed' });
  const empty = sha256(new Uint8Array());
  const findings = [{ code: 'UpstreamFailed', message: 'words of the endpoint' }];
  expect(attempts.map(({ end }) => end)).toMatchObject(
    Array(3).fill({ agent: { reason: 'Budget' }, stdout: empty, stderr: empty, findings }),
  );
  expect(row.decision).toMatchObject({ outcome: 'infra_error', findings });
});

test('a model that its agent lost by using up the network is no infrastructure failure', async () => {
  const report = { reason: 'ConnectionLimit' } as const;
  const { attempts } = await run({ plan: program, lost: 'UpstreamFailed', report });
  expect(attempts).toHaveLength(1);
  expect(attempts[0]?.end?.agent.reason).toBe('ConnectionLimit');
});

test('a full disk of our own is not', async () => {
  const full = () => new ClawError('StoreUnavailable', 'no space left', { retryable: true });
  const { row, attempts } = await run({ plan: nothing, artifact: full });
  expect(classes(attempts)).toEqual(Array(3).fill('infra_error StoreUnavailable'));
  expect(row.decision).toMatchObject({ outcome: 'infra_error', score: { final: null } });
});

test('a grader that cannot be started leaves the rollout as missing data', async () => {
  const { row, attempts } = await run({ plan: nothing });
  expect(attempts).toHaveLength(1);
  expect(row.decision).toMatchObject({ outcome: 'infra_error', reason: 'VerifySandboxFailed' });
});
