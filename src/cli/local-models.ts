import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { LocalModelAccess } from '../engines/local/local-model-access.ts';
import type { RuntimeDir } from '../engines/local/runtime-dir.ts';
import { CALL_LIMITS } from '../gateway/call-run.ts';
import { Gateway } from '../gateway/chat-completions.ts';
import { MemorySessionDirectory } from '../gateway/session-directory.ts';
import type { Upstream } from '../gateway/upstream.ts';
import type { ProcessSandbox } from '../phases/process-sandbox.ts';
import { startGatewayServer } from '../server/gateway-server.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import type { RecordStore } from '../store/records.ts';

export interface LocalModelsOptions {
  readonly store: RecordStore;
  readonly artifacts: ArtifactStore;
  readonly runtime: RuntimeDir;
  /** Scratch of the gateway's answers. */
  readonly spoolDir: string;
  readonly sandbox: ProcessSandbox;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly logger: Logger;
}

/** Gateway, its server and the links to it; the stack closes them. */
export async function openLocalModels(
  { store, artifacts, runtime, spoolDir, sandbox, upstreams, logger }: LocalModelsOptions,
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
      spoolDir,
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
