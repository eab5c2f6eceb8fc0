import { ClawError } from '../../src/base/error.ts';
import { findProgram } from '../../src/engines/local/sandbox/host-command.ts';
import { installHint } from '../../src/engines/local/sandbox/host-tools.ts';
import { installPackages } from '../../src/engines/local/sandbox/install-packages.ts';
import type { ClusterHost } from './cluster-host.ts';

/** Programs of the host that every layer uses, and the Debian packages that bring them. */
const PACKAGES = { openssl: 'openssl', setpriv: 'util-linux', flock: 'util-linux' } as const;

/**
 * Installs what is missing where it may (root, apt-get). Fails with `MissingTool` and the command to
 * run where something stays missing.
 */
export async function ensureHostPackages(
  host: Pick<ClusterHost, 'env' | 'uid' | 'logger' | 'signal'>,
): Promise<void> {
  const missing = (): readonly string[] => {
    const absent = Object.entries(PACKAGES).filter(([name]) => !findProgram(name, host.env));
    return [...new Set(absent.map(([, packageName]) => packageName))];
  };
  const aptGet = findProgram('apt-get', host.env);
  if (missing().length > 0 && host.uid === 0 && aptGet !== undefined) {
    await installPackages(aptGet, missing(), { ...host, purpose: 'what a test cluster needs' });
  }
  const left = missing();
  if (left.length === 0) return;
  throw new ClawError(
    'MissingTool',
    `a test cluster cannot run without ${left.join(', ')}. ${installHint(left)}`,
  );
}
