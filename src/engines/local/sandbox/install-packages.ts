import type { Logger } from '../../../base/logger.ts';
import { type HostEnv, runHostCommand } from './host-command.ts';

export interface InstallOptions {
  readonly env: HostEnv;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Ends the log line "installing …". */
  readonly purpose: string;
}

const INSTALL_SECONDS = 600;

/**
 * Installs Debian packages; only root may. A failure is a warning: the caller looks at what is there
 * afterwards.
 */
export async function installPackages(
  aptGet: string,
  packages: readonly string[],
  { env, logger, signal, purpose }: InstallOptions,
): Promise<void> {
  const quietEnv = { ...env, DEBIAN_FRONTEND: 'noninteractive' };
  const steps: readonly (readonly string[])[] = [
    ['update'],
    ['install', '--yes', '--no-install-recommends', ...packages],
  ];
  for (const step of steps) {
    logger.info({}, `installing ${purpose}: apt-get ${step.join(' ')}`);
    const end = await runHostCommand({
      argv: [aptGet, '--quiet', ...step],
      env: quietEnv,
      timeoutSeconds: INSTALL_SECONDS,
      signal,
    });
    if (end.exitCode === 0) continue;
    logger.warn({ tail: end.tail.slice(-2000) }, `apt-get ${step.join(' ')} failed`);
    // A failed update can still leave usable lists; a failed install is judged by what is there.
  }
}
