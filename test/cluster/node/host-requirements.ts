import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ClawError } from '../../../src/base/error.ts';
import { findProgram, runHostCommand } from '../../../src/engines/local/sandbox/host-command.ts';
import { installHint } from '../../../src/engines/local/sandbox/host-tools.ts';
import type { ClusterHost } from '../cluster-host.ts';

/** Where Debian's containernetworking-plugins puts them. */
export const CNI_PLUGINS = '/usr/lib/cni';

/** Programs that a node is made of, and the Debian packages that bring them. */
const PACKAGES = {
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  ip: 'iproute2',
  nft: 'nftables',
  mount: 'mount',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
} as const;
const PLUGINS = ['bridge', 'host-local', 'loopback', 'portmap'];
const BRIDGE_FILTER = '/proc/sys/net/bridge/bridge-nf-call-iptables';
const INSTALL_SECONDS = 600;

/**
 * Checks that this host can carry nodes and installs Debian packages that are missing. Fails with
 * `MissingTool` and the command that would make it work.
 */
export async function ensureNodeHost(host: ClusterHost): Promise<void> {
  if (host.uid !== 0) {
    throw new ClawError(
      'MissingTool',
      `the node layer makes namespaces and cgroups and needs root, this process has uid ${host.uid}: run it with sudo`,
    );
  }
  if (missingPackages(host).length > 0) await install(missingPackages(host), host);
  const missing = missingPackages(host);
  if (missing.length > 0) {
    throw new ClawError(
      'MissingTool',
      `the node layer cannot run without these packages. ${installHint(missing)}`,
    );
  }
  if (!existsSync(BRIDGE_FILTER)) {
    // Without it a pod's answer to a pod of the same node leaves the bridge untranslated.
    throw new ClawError(
      'MissingTool',
      `${BRIDGE_FILTER} does not exist, so Services would not work within a node: run modprobe br_netfilter`,
    );
  }
}

function missingPackages({ env }: ClusterHost): readonly string[] {
  const programs = Object.entries(PACKAGES).filter(([name]) => !findProgram(name, env));
  const plugins = PLUGINS.every((name) => existsSync(join(CNI_PLUGINS, name)));
  const packages = programs.map(([, name]) => name);
  return [...new Set(plugins ? packages : [...packages, 'containernetworking-plugins'])];
}

async function install(packages: readonly string[], host: ClusterHost): Promise<void> {
  const aptGet = findProgram('apt-get', host.env);
  if (aptGet === undefined) return;
  const env = { ...host.env, DEBIAN_FRONTEND: 'noninteractive' };
  const steps = [['update'], ['install', '--yes', '--no-install-recommends', ...packages]];
  for (const step of steps) {
    host.logger.info({}, `installing what nodes need: apt-get ${step.join(' ')}`);
    const argv = [aptGet, '--quiet', ...step] as const;
    const { signal } = host;
    const end = await runHostCommand({ argv, env, timeoutSeconds: INSTALL_SECONDS, signal });
    // A failed update can still leave usable lists; a failed install is judged by what is there.
    if (end.exitCode !== 0) host.logger.warn({ tail: end.tail.slice(-2000) }, 'apt-get failed');
  }
}
