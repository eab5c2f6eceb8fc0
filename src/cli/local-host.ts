import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { ensureHostTools } from '../engines/local/sandbox/host-tools.ts';
import { openSandbox } from '../engines/local/sandbox/open-sandbox.ts';
import { ensureRunnerRoot } from '../engines/local/sandbox/runner-root.ts';
import type { ProcessSandbox } from '../phases/process-sandbox.ts';
import type { CliEnvironment } from './environment.ts';

/** The sandbox of this host with everything that it stands on: tools installed, root built. */
export async function openHostSandbox(
  environment: CliEnvironment,
  logger: Logger,
  signal: AbortSignal,
): Promise<ProcessSandbox> {
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
  return await openSandbox({ root, uid, clock: systemClock, logger, bwrap: tools.bwrap });
}
