import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { makeFolders } from '../base/make-folders.ts';
import { GateNames } from '../engines/local/gate-names.ts';
import { LocalEngine } from '../engines/local/local-engine.ts';
import type { ModelAccess } from '../engines/local/model-access.ts';
import { openRuntimeDir, type RuntimeDir } from '../engines/local/runtime-dir.ts';
import type { Upstream } from '../gateway/upstream.ts';
import type { CompiledVerifiers } from '../phases/compiled-verifiers.ts';
import type { ProcessSandbox } from '../phases/process-sandbox.ts';
import { rolloutService } from '../server/rollout-service.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import type { BatchNotes } from '../store/cluster-records.ts';
import { openFileArtifacts } from '../store/file-artifacts.ts';
import type { RecordStore } from '../store/records.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import type { SynthesisRecords } from '../store/synthesis-records.ts';

/** Stores, gateway and engine of one run in one process; disposed in reverse order. */
export interface LocalSession extends AsyncDisposable {
  readonly store: RecordStore & SynthesisRecords & BatchNotes;
  readonly artifacts: ArtifactStore;
  readonly engine: LocalEngine;
}

export interface LocalSessionOptions {
  /** Output folder of the run; the stores live in `<out>/store`. */
  readonly out: string;
  readonly sandbox: ProcessSandbox;
  /** Where small scratch is held in memory; undefined: all of it is on the disk. */
  readonly memoryFolder: string | undefined;
  readonly programsDir: string;
  readonly compiled?: Pick<CompiledVerifiers, 'of'>;
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
  const runtime = stack.use(
    await openRuntimeDir(folder, {
      memory: options.memoryFolder,
      owner: options.sandbox.owner,
    }),
  );
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

/**
 * Gateway and server cost a start that floors and solutions need not pay: without an upstream they
 * are loaded when an attempt first asks for its model.
 */
async function openModelAccess(
  parts: SessionParts,
  { sandbox, upstreams, logger }: LocalSessionOptions,
  stack: AsyncDisposableStack,
): Promise<ModelAccess> {
  const owned = stack.use(new AsyncDisposableStack());
  const spoolDir = await parts.runtime.scratch('spool');
  const start = async (): Promise<ModelAccess> => {
    const { openLocalModels } = await import('./local-models.ts');
    return await openLocalModels({ ...parts, spoolDir, sandbox, upstreams, logger }, owned);
  };
  if (upstreams.size > 0) return await start();
  let started: Promise<ModelAccess> | undefined;
  return {
    open: async (request) => {
      started ??= start();
      return await (await started).open(request);
    },
  };
}

function localEngine(
  { store, artifacts, runtime }: SessionParts,
  models: ModelAccess,
  { sandbox, programsDir, compiled, logger, signal }: LocalSessionOptions,
): LocalEngine {
  const gates = new GateNames({ sandbox, programsDir, runtime, signal });
  return new LocalEngine({
    store,
    api: rolloutService(store, artifacts),
    sandbox,
    programsDir,
    ...(compiled && { compiled }),
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
