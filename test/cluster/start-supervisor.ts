import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { asErrorCode, ClawError } from '../../src/base/error.ts';
import type { Logger } from '../../src/base/logger.ts';
import type { HostEnv } from './cluster-host.ts';
import { zSupervisorMessage } from './control-protocol.ts';
import type { LayerName, LayerOptions } from './layer.ts';

export interface SupervisorStart {
  readonly layer: LayerName;
  readonly options: LayerOptions;
  /** Name of the cluster's folder; left out: one of its own. */
  readonly name?: string;
  /** True: the cluster outlives this process. */
  readonly keep: boolean;
  readonly env: HostEnv;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const MAIN = join(import.meta.dirname, 'supervisor-main.ts');

/** Starts a cluster in a process of its own and waits until it is ready. Returns its state folder. */
export async function startSupervisor(start: SupervisorStart): Promise<string> {
  const { layer, options, env, signal } = start;
  const name = start.name ?? `${layer}-${randomBytes(4).toString('hex')}`;
  const child = fork(MAIN, [JSON.stringify({ name, layer, options })], {
    // Its own session: Ctrl-C is for this process, which then tells the cluster to end.
    detached: true,
    env: { ...env },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    const stateFolder = await ready(child, start);
    if (start.keep) await keep(child);
    // The channel alone must not hold this process: its end is what the supervisor waits for.
    child.channel?.unref();
    child.unref();
    return stateFolder;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function ready(
  child: ChildProcess,
  { layer, logger, signal }: SupervisorStart,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let failure: ClawError | undefined;
  child.on('message', (raw) => {
    const message = zSupervisorMessage.parse(raw);
    if (message.kind === 'progress') logger.info({}, message.text);
    else if (message.kind === 'ready') resolve(message.stateFolder);
    else failure = new ClawError(asErrorCode(message.code), message.message);
  });
  child.once('error', reject);
  // Only then is nothing left of it.
  child.once('exit', (code, name) => {
    if (signal.aborted) reject(new ClawError('Cancelled', `start of layer ${layer} was cancelled`));
    const how = `the supervisor of layer ${layer} ended with ${name ?? code}`;
    reject(failure ?? new ClawError('ClusterFailed', how));
  });
  return await promise;
}

async function keep(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.send({ kind: 'keep' }, (error) => (error === null ? resolve() : reject(error)));
  await promise;
  const gone = once(child, 'disconnect');
  child.disconnect();
  await gone;
}
