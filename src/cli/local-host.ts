import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { HostedSandbox } from '../engines/local/sandbox/host-client.ts';
import { ensureHostTools } from '../engines/local/sandbox/host-tools.ts';
import { ensureRunnerRoot } from '../engines/local/sandbox/runner-root.ts';
import type { CliEnvironment } from './environment.ts';

/** The sandbox of this host with everything that it stands on: tools installed, root built. Dispose it. */
export async function openHostSandbox(
  environment: CliEnvironment,
  logger: Logger,
  signal: AbortSignal,
): Promise<HostedSandbox> {
  const { uid, env, cacheDir } = environment;
  const tools = await ensureHostTools({ uid, env, logger, signal });
  const root = await ensureRunnerRoot({
    cacheDir,
    arch: process.arch,
    mmdebstrap: tools.mmdebstrap,
    env,
    clock: systemClock,
    logger,
    signal,
  });
  return await HostedSandbox.open({
    root: { identity: root.identity, ...(root.dir !== undefined && { dir: root.dir }) },
    uid,
    bwrap: tools.bwrap,
    env,
    logger,
  });
}
