import { ClawError } from '../../../base/error.ts';
import type { Logger } from '../../../base/logger.ts';
import { findProgram, type HostEnv } from './host-command.ts';
import { installPackages } from './install-packages.ts';

export interface HostToolsOptions {
  /** Uid of this process; only root may install. */
  readonly uid: number;
  readonly env: HostEnv;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export interface HostTools {
  readonly bwrap: string;
  /** Absent: no runner root can be built, and the host's own programs are the fallback. */
  readonly mmdebstrap: string | undefined;
}

/** Programs that the local engine starts, and the Debian packages that bring them. */
const PACKAGES = { bwrap: 'bubblewrap', mmdebstrap: 'mmdebstrap' } as const;

/**
 * Finds the programs that the local engine needs and installs what is missing where it may (root and
 * apt-get). Fails with `MissingTool` and the command to run where bubblewrap stays missing.
 */
export async function ensureHostTools(options: HostToolsOptions): Promise<HostTools> {
  const missing = Object.entries(PACKAGES).filter(([name]) => !findProgram(name, options.env));
  const aptGet = findProgram('apt-get', options.env);
  const packages = missing.map(([, packageName]) => packageName);
  if (packages.length > 0 && options.uid === 0 && aptGet !== undefined) {
    await installPackages(aptGet, packages, { ...options, purpose: 'what the sandbox needs' });
  }
  const bwrap = findProgram('bwrap', options.env);
  const mmdebstrap = findProgram('mmdebstrap', options.env);
  if (bwrap === undefined) {
    throw new ClawError(
      'MissingTool',
      `bubblewrap (bwrap) is not installed and runs every sandbox. ${installHint(['bubblewrap'])}`,
    );
  }
  if (mmdebstrap === undefined) {
    const hint = installHint(['mmdebstrap']);
    options.logger.warn({}, `mmdebstrap is not installed, so no runner root can be built. ${hint}`);
  }
  return { bwrap, mmdebstrap };
}

/** The sentence that names the command to run. */
export function installHint(packages: readonly string[]): string {
  return `On a Debian-like host run: sudo apt-get install --yes ${packages.join(' ')}`;
}
