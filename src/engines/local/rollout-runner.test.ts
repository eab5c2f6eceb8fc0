import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MemoryArtifacts } from '../../../test/support/memory-artifacts.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import type { AgentPlan, PreparedAgent } from '../../agents/agent.ts';
import { asBatchId, asRolloutId } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import { silentLogger } from '../../base/logger.ts';
import { DEFAULT_SNAPSHOT_CAPS } from '../../phases/snapshot-caps.ts';
import { rolloutService } from '../../server/rollout-service.ts';
import type { AttemptRow, RolloutRow } from '../../store/records.ts';
import { openSqliteStore } from '../../store/sqlite/open.ts';
import { zTask } from '../../tasks/task.ts';
import type { BatchPlan } from '../engine.ts';
import { LocalEngine } from './local-engine.ts';
import { openRuntimeDir } from './runtime-dir.ts';

const file = { digest: sha256('print'), size: 5 };
const task = zTask.parse({
  schema: 'clawgym.task/v1',
  id: 't',
  instruction: { turns: [{ text: 'Do it.' }] },
  workspace: { path: '/ws', inputs: [] },
  verifier: {
    dialect: 'check-json',
    entry: 'check.py',
    files: [{ path: 'check.py', ...file }],
    agentCode: 'none',
  },
});

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
  readonly artifact?: () => Error;
}

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
  const { artifact } = faults;
  if (artifact) artifacts.put = () => Promise.reject(artifact());
  const engine = new LocalEngine({
    store,
    api: rolloutService(store, artifacts),
    sandbox: {
      root: 'test',
      run: () => Promise.reject(faults.sandbox?.() ?? new ClawError('SandboxFailed', 'no sandbox')),
    },
    programsDir: dir.path,
    models: { open: () => Promise.reject(new Error('no model')) },
    runtime,
    clock: { ...systemClock, sleep: () => Promise.resolve() },
    logger: silentLogger,
    engineId: 'engine',
    newNonce: () => 'nonce',
    knownCheckNames: () => Promise.resolve(undefined),
  });
  const rollout = asRolloutId('b/t/0');
  const observer = { started: () => {}, retried: () => {}, decided: () => {} };
  const signal = new AbortController().signal;
  await engine.run([batchPlan(faults.plan, artifacts)], { parallelism: 1, signal, observer });
  const row = await store.getRollout(rollout);
  if (row === undefined) throw new Error('no row');
  return { row, attempts: await store.listAttempts(rollout) };
}

function batchPlan(plan: AgentPlan, blobs: MemoryArtifacts): BatchPlan {
  const agent: PreparedAgent = {
    name: 'test',
    version: '1',
    configDigest: sha256('config'),
    unsuited: () => undefined,
    plan: () => Promise.resolve(plan),
  };
  const digest = sha256('set');
  return {
    batch: {
      id: asBatchId('b'),
      owner: { kind: 'BenchRun', name: 'b', arm: 'a' },
      taskSet: digest,
      specDigest: digest,
      spec: '{}',
      createdAt: 0,
    },
    rollouts: [{ id: asRolloutId('b/t/0'), taskId: 't', taskDigest: sha256('task'), sample: 0 }],
    taskSet: { digest, tasks: [{ task, digest: sha256('task') }], blobs },
    agent,
    model: undefined,
    settings: {
      retries: { infraRetries: 2, disruptionLimit: 3 },
      budgets: {},
      timeoutPercent: 100,
      limits: { cpuMillis: 1000, memoryMiB: 64, diskMiB: 16, pids: 16 },
      snapshot: DEFAULT_SNAPSHOT_CAPS,
      gatewayLossSeconds: 1,
      score: 'native',
    },
  };
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
