import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { makeFolders } from '../base/make-folders.ts';
import { GateNames } from '../engines/local/gate-names.ts';
import { LocalEngine } from '../engines/local/local-engine.ts';
import { LocalModelAccess } from '../engines/local/local-model-access.ts';
import { openRuntimeDir, type RuntimeDir } from '../engines/local/runtime-dir.ts';
import { CALL_LIMITS } from '../gateway/call-run.ts';
import { Gateway } from '../gateway/chat-completions.ts';
import { MemorySessionDirectory } from '../gateway/session-directory.ts';
import type { Upstream } from '../gateway/upstream.ts';
import type { ProcessSandbox } from '../phases/process-sandbox.ts';
import { startGatewayServer } from '../server/gateway-server.ts';
import { rolloutService } from '../server/rollout-service.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import { openFileArtifacts } from '../store/file-artifacts.ts';
import type { RecordStore } from '../store/records.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';

/** Stores, gateway and engine of one run in one process; disposed in reverse order. */
export interface LocalSession extends AsyncDisposable {
  readonly store: RecordStore;
  readonly artifacts: ArtifactStore;
  readonly engine: LocalEngine;
}

export interface LocalSessionOptions {
  /** Output folder of the run; the stores live in `<out>/store`. */
  readonly out: string;
  readonly sandbox: ProcessSandbox;
  readonly programsDir: string;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export function storeDir(out: string): string {
  return join(out, 'store');
}

export async function openLocalSession(options: LocalSessionOptions): Promise<LocalSession> {
  await using stack = new AsyncDisposableStack();
  const folder = storeDir(options.out);
  makeFolders(folder);
  // Calls and outputs of agents are nobody else's business.
  chmodSync(folder, 0o700);
  const holder = `pid ${process.pid}`;
  const store = stack.use(
    await openSqliteStore({ folder, holder, clock: systemClock, survives: 'process' }),
  );
  const artifacts = await openFileArtifacts(join(folder, 'artifacts'));
  const runtime = stack.use(await openRuntimeDir(folder));
  const parts = { store, artifacts, runtime };
  const models = await openModelAccess(parts, options, stack);
  const engine = localEngine(parts, models, options);
  const owned = stack.move();
  return { store, artifacts, engine, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

interface SessionParts {
  readonly store: RecordStore;
  readonly artifacts: ArtifactStore;
  readonly runtime: RuntimeDir;
}

/** Gateway, its server and the links to it; the stack closes them. */
async function openModelAccess(
  { store, artifacts, runtime }: SessionParts,
  { sandbox, upstreams, logger }: LocalSessionOptions,
  stack: AsyncDisposableStack,
): Promise<LocalModelAccess> {
  const sessions = new MemorySessionDirectory(store, systemClock);
  const shared = { clock: systemClock, random: Math.random, logger };
  const gateway = stack.use(
    new Gateway({
      ...shared,
      sessions,
      records: store,
      artifacts,
      limits: CALL_LIMITS,
      spoolDir: await runtime.scratch('spool'),
    }),
  );
  const gatewaySocket = join(runtime.path, 'gateway.sock');
  stack.use(await startGatewayServer({ socketPath: gatewaySocket, gateway, logger }));
  return new LocalModelAccess({
    ...shared,
    gateway,
    gatewaySocket,
    sessions,
    upstreams,
    owner: sandbox.owner,
    newSecret: () => randomBytes(32).toString('base64url'),
    newCallId: () => randomUUID(),
  });
}

function localEngine(
  { store, artifacts, runtime }: SessionParts,
  models: LocalModelAccess,
  { sandbox, programsDir, logger, signal }: LocalSessionOptions,
): LocalEngine {
  const gates = new GateNames({ sandbox, programsDir, runtime, signal });
  return new LocalEngine({
    store,
    api: rolloutService(store, artifacts),
    sandbox,
    programsDir,
    models,
    runtime,
    logger,
    clock: systemClock,
    engineId: randomUUID(),
    newNonce: () => randomBytes(16).toString('hex'),
    knownCheckNames: ({ rollout, task, plan }) =>
      gates.of(rollout.taskDigest, task, plan.taskSet.blobs),
  });
}
