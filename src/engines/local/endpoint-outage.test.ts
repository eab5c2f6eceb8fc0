import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { expect, it, test } from 'vitest';
import { ENGINE_ROLLOUT, engineBatch } from '../../../test/support/engine-batch.ts';
import {
  chatBody,
  type GatewayFixture,
  gatewayFixture,
  MODEL,
} from '../../../test/support/gateway-fixture.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import type { Fault } from '../../../test/support/scripted-model-server.ts';
import { systemClock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import { silentLogger } from '../../base/logger.ts';
import { hashBearer } from '../../gateway/session-directory.ts';
import type { ProcessSandbox, SandboxExit, SandboxSpec } from '../../phases/process-sandbox.ts';
import { startGatewayServer } from '../../server/gateway-server.ts';
import { rolloutService } from '../../server/rollout-service.ts';
import type { AttemptRow, RolloutRow } from '../../store/records.ts';
import { LocalEngine } from './local-engine.ts';
import { LocalModelAccess } from './local-model-access.ts';
import { openRuntimeDir } from './runtime-dir.ts';

const AGENT_SECONDS = 600;
const SEND_AGAIN_SECONDS = 100;
const DOWN: Fault = { kind: 'status', status: 503, retryAfter: String(SEND_AGAIN_SECONDS) };

/** What an agent sees of its world; it is stopped at its deadline when `act` resolves. */
interface AgentWorld {
  readonly fixture: GatewayFixture;
  readonly clock: ManualClock;
  /** Asks the model through the link; resolves with the whole answer, or when the agent is killed. */
  ask(signal?: AbortSignal): Promise<string>;
}

type Act = (world: AgentWorld) => Promise<void>;

/** The agent's program, played here: it acts, and is killed with all its connections. */
function played(act: Act, fixture: GatewayFixture, clock: ManualClock): ProcessSandbox {
  const run = async (spec: SandboxSpec): Promise<SandboxExit> => {
    const folder = spec.mounts.find(({ source }) => source.endsWith('/link'))?.source;
    if (folder === undefined) throw new ClawError('SandboxFailed', 'only the agent is played');
    const dispatcher = new Agent({ connect: { socketPath: join(folder, 'model.sock') } });
    const ask = async (signal?: AbortSignal) => {
      const body = JSON.stringify(chatBody({ stream: true }));
      const url = 'http://link/v1/chat/completions';
      const options = { method: 'POST', dispatcher, body, ...(signal && { signal }) } as const;
      return await request(url, options).then(
        (answer) => answer.body.text(),
        () => 'hung up',
      );
    };
    await act({ fixture, clock, ask });
    await dispatcher.destroy();
    // The link has told the gateway: what the engine reads next is what is left after that.
    await expect.poll(async () => await openCalls(fixture)).toBe(0);
    const none = { bytes: Buffer.alloc(0), totalBytes: 0, truncated: false };
    return {
      exitCode: null,
      signal: 'SIGKILL',
      timedOut: true,
      cancelled: false,
      oomKilled: false,
      peakMemoryMiB: undefined,
      cpuSeconds: undefined,
      seconds: AGENT_SECONDS,
      stdout: none,
      stderr: none,
    };
  };
  return { root: 'test', run };
}

async function openCalls({ records }: GatewayFixture): Promise<number> {
  const [attempt] = await records.listAttempts(ENGINE_ROLLOUT);
  const rows = attempt === undefined ? [] : await records.listCalls(attempt.id);
  return rows.filter((row) => row.finish === undefined).length;
}

function modelAccess(fixture: GatewayFixture, clock: ManualClock, gatewaySocket: string) {
  return new LocalModelAccess({
    gateway: fixture.gateway,
    gatewaySocket,
    sessions: fixture.sessions,
    upstreams: new Map([['up', fixture.session.upstream]]),
    owner: undefined,
    clock,
    random: () => 0.5,
    newSecret: () => 'bearer-of-the-run',
    newCallId: randomUUID,
    logger: silentLogger,
  });
}

/** Runs one rollout without retries; its row and its attempt in the end. */
async function run(
  faults: readonly (Fault | undefined)[],
  act: Act,
): Promise<{ row: RolloutRow | undefined; attempt: AttemptRow | undefined }> {
  const clock = new ManualClock();
  await using fixture = await gatewayFixture({
    clock,
    fault: ({ index }) => faults[Math.min(index, faults.length - 1)],
  });
  const { gateway, records: store, artifacts } = fixture;
  const socketPath = join(fixture.folder, 'gateway.sock');
  await using _server = await startGatewayServer({ socketPath, gateway, logger: silentLogger });
  await using runtime = await openRuntimeDir(join(fixture.folder, 'store'));
  await artifacts.put(Buffer.from('print'));
  const engine = new LocalEngine({
    store,
    api: rolloutService(store, artifacts),
    sandbox: played(act, fixture, clock),
    programsDir: fixture.folder,
    models: modelAccess(fixture, clock, socketPath),
    runtime,
    clock: { ...systemClock, sleep: () => Promise.resolve() },
    logger: silentLogger,
    engineId: 'engine',
    newNonce: () => 'nonce',
    knownCheckNames: () => Promise.resolve(undefined),
  });
  const program = { kind: 'process', commands: [{ argv: ['true'] }], memoryMiB: 16 } as const;
  const batch = engineBatch({ ...program, files: [], mounts: [], env: {} }, artifacts);
  const [entry] = batch.taskSet.tasks;
  if (entry === undefined) throw new Error('no task');
  const timeouts = { ...entry.task.timeouts, agentSeconds: AGENT_SECONDS };
  const plan = {
    ...batch,
    model: { upstream: 'up', name: MODEL, sampling: {} },
    taskSet: { ...batch.taskSet, tasks: [{ ...entry, task: { ...entry.task, timeouts } }] },
    settings: { ...batch.settings, retries: { infraRetries: 0, disruptionLimit: 0 } },
  };
  const observer = { started: () => {}, retried: () => {}, decided: () => {} };
  const { signal } = new AbortController();
  await engine.run([plan], { parallelism: 1, signal, observer });
  const [attempt] = await store.listAttempts(ENGINE_ROLLOUT);
  return { row: await store.getRollout(ENGINE_ROLLOUT), attempt };
}

/** Lets so many pauses of a call in retry pass; the call then waits in the next one. */
async function failAgain({ fixture, clock }: AgentWorld, from: number, times: number) {
  for (let tries = from; tries <= from + times; tries += 1) {
    await fixture.model.arrived(tries);
    // The call's deadline and the pause.
    await expect.poll(() => clock.sleeping).toBe(2);
    if (tries < from + times) clock.advance(SEND_AGAIN_SECONDS * 1000);
  }
}

test('an endpoint that is down until the agent’s deadline loses the attempt', async () => {
  const { row, attempt } = await run([DOWN], async (world) => {
    void world.ask();
    await failAgain(world, 1, AGENT_SECONDS / SEND_AGAIN_SECONDS);
  });
  expect(attempt?.close).toMatchObject({ class: 'infra_error', reason: 'UpstreamFailed' });
  expect(attempt?.end?.agent.reason).toBe('Deadline');
  expect(row?.decision?.findings).toMatchObject([
    { code: 'UpstreamFailed', message: expect.stringContaining('scripted 503') as unknown },
  ]);
  expect(row?.decision).toMatchObject({ outcome: 'infra_error', score: { final: null } });
});

const agents: readonly (readonly [string, readonly (Fault | undefined)[], Act])[] = [
  [
    'an endpoint that recovered in time',
    [DOWN, DOWN, undefined],
    async (world) => {
      const answer = world.ask();
      await failAgain(world, 1, 1);
      world.clock.advance(SEND_AGAIN_SECONDS * 1000);
      expect(await answer).toContain('Done.');
      world.clock.advance(400_000);
    },
  ],
  [
    'an answer that is slow, after a failure',
    [DOWN, { kind: 'stall' }],
    async (world) => {
      void world.ask();
      await failAgain(world, 1, 0);
      world.clock.advance(SEND_AGAIN_SECONDS * 1000);
      await world.fixture.model.arrived(2);
      world.clock.advance(500_000);
    },
  ],
  [
    'an agent that hung up on a failing endpoint and then did nothing',
    [DOWN],
    async (world) => {
      const hangUp = new AbortController();
      const answer = world.ask(hangUp.signal);
      await failAgain(world, 1, 2);
      hangUp.abort();
      await answer;
      await expect.poll(async () => await openCalls(world.fixture)).toBe(0);
      world.clock.advance(400_000);
    },
  ],
  ['an agent that asked nothing', [DOWN], async ({ clock }) => clock.advance(600_000)],
];
it.each(agents)('%s leaves the deadline the agent’s result', async (_name, faults, act) => {
  const { attempt } = await run(faults, act);
  expect(attempt?.end?.agent.reason).toBe('Deadline');
  expect(attempt?.close?.reason).not.toBe('UpstreamFailed');
});

test('a link that does not start leaves no bearer that is worth anything', async () => {
  const clock = new ManualClock();
  await using fixture = await gatewayFixture({ clock });
  const file = join(fixture.folder, 'a-file');
  await writeFile(file, '');
  const access = modelAccess(fixture, clock, join(fixture.folder, 'gateway.sock'));
  const request = {
    attempt: fixture.attempt,
    model: { upstream: 'up', name: MODEL, sampling: {} },
    budgets: {},
    gatewayLossSeconds: 1,
    socketDir: file,
  };
  await expect(access.open(request)).rejects.toThrow('ENOTDIR');
  expect(await fixture.sessions.find(hashBearer('bearer-of-the-run'))).toBeUndefined();
});
