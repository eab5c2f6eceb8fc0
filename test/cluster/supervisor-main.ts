import { openSync, writeSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../src/base/brand.ts';
import { ClawError, errorMessage, toClawError } from '../../src/base/error.ts';
import type { CliEnvironment } from '../../src/cli/environment.ts';
import { stderrLogger } from '../../src/cli/stderr-logger.ts';
import { clusterEnvironment } from './cluster-environment.ts';
import type { ClusterHost } from './cluster-host.ts';
import { writeSupervisor } from './cluster-record.ts';
import { type SupervisorMessage, zOwnerMessage } from './control-protocol.ts';
import { type LayerName, zLayerName, zLayerOptions } from './layer.ts';
import { layerStarter } from './layer-starters.ts';
import { Ledger } from './ledger.ts';
import { identify } from './process-identity.ts';
import { Programs } from './programs.ts';
import { openStateRoot } from './state-root.ts';
import { Supervisor } from './supervisor.ts';

/**
 * The process that runs one cluster. Started by `startSupervisor` with its arguments as JSON; ends
 * the cluster when the process that started it is gone, unless that said `keep` before.
 */
const zArguments = z.object({ name: z.string(), layer: zLayerName, options: zLayerOptions });

/** With the channel gone nothing holds this process any more. */
function disconnect(): void {
  if (process.connected) process.disconnect();
}

function tell(message: SupervisorMessage): void {
  if (process.connected) process.send?.(message, () => undefined);
}

/** The folder appears under its name with the supervisor's record in it, never without. */
async function makeStateFolder(uid: number, name: string, layer: LayerName): Promise<string> {
  const fresh = await makeFreshFolder(uid);
  const self = identify(process.pid);
  if (self === undefined) throw new ClawError('Internal', '/proc does not know this process');
  writeSupervisor(fresh, { ...self, layer });
  const stateFolder = join(dirname(fresh), name);
  try {
    await rename(fresh, stateFolder);
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true });
    throw new ClawError('Conflict', `a cluster exists already in ${stateFolder}`, { cause });
  }
  return stateFolder;
}

/** Once more where a cluster that ends at this moment has taken the root away. */
async function makeFreshFolder(uid: number): Promise<string> {
  const make = async (): Promise<string> => await mkdtemp(join(await openStateRoot(uid), 'new-'));
  return await make().catch(make);
}

function makeHost(
  stateFolder: string,
  { cacheDir, env, uid }: CliEnvironment,
  signal: AbortSignal,
): ClusterHost {
  const ledger = new Ledger(stateFolder);
  const log = openSync(join(stateFolder, 'supervisor.log'), 'a');
  const logger = stderrLogger((line) => {
    writeSync(log, line);
    tell({ kind: 'progress', text: line.trimEnd() });
  });
  const programs = new Programs({ stateFolder, env, ledger });
  return { stateFolder, cacheDir, env, uid, logger, programs, ledger, signal };
}

async function run(): Promise<void> {
  const environment = clusterEnvironment();
  const { name, layer, options } = zArguments.parse(parseJson(process.argv[2] ?? ''));
  const controller = new AbortController();
  let kept = false;
  const start = await layerStarter(layer, environment.env);
  const stateFolder = await makeStateFolder(environment.uid, name, layer);
  const host = makeHost(stateFolder, environment, controller.signal);
  const supervisor = new Supervisor({ layer, options, start, host, controller });
  const end = (): void =>
    void supervisor.end().catch((cause: unknown) => host.logger.error({}, errorMessage(cause)));
  process.on('message', (message) => {
    if (zOwnerMessage.safeParse(message).success) kept = true;
  });
  process.on('disconnect', () => {
    if (!kept) end();
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
  if (!process.connected) end();
  await supervisor.start();
  tell({ kind: 'ready', stateFolder });
  void supervisor.ended.then(disconnect);
}

try {
  await run();
} catch (cause) {
  const { code, message } = toClawError(cause);
  tell({ kind: 'failed', code, message });
  process.exitCode = 1;
  disconnect();
}
