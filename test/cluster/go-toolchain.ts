import { delimiter, join } from 'node:path';
import { ClawError } from '../../src/base/error.ts';
import { findProgram, runHostCommand } from '../../src/engines/local/sandbox/host-command.ts';
import type { HostEnv } from './cluster-host.ts';

/** A Go that can build the committed modules. */
export interface GoToolchain {
  /** Path of the go command. */
  readonly go: string;
  /** Environment for it, with everything that makes the programs reproducible and static. */
  readonly env: HostEnv;
  /** For example `go1.26.8`. */
  readonly version: string;
}

/** Kubernetes 1.36 pairs with exactly this release; the modules' go.mod files ask for it too. */
const NEEDED = '1.26';
const VERSION_SECONDS = 300;
const USUAL_FOLDER = '/usr/local/go/bin';

/** Finds Go. Fails with `MissingTool` and the command that helps where it is missing or too old. */
export async function findGo(
  env: HostEnv,
  moduleFolder: string,
  signal: AbortSignal,
): Promise<GoToolchain> {
  const path = `${env['PATH'] ?? ''}${delimiter}${USUAL_FOLDER}`;
  const go = findProgram('go', { PATH: path });
  if (go === undefined) throw missing('Go is not installed');
  // The last of two flags wins: whatever the person's own say, go.mod and go.sum stay as they are.
  const flags = `${env['GOFLAGS'] ?? ''} -mod=readonly`.trim();
  const goEnv = { ...env, PATH: path, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: flags };
  // In the module's folder, so that a Go which may fetch a newer one for it answers with that one.
  const end = await runHostCommand({
    argv: [go, '-C', moduleFolder, 'env', 'GOVERSION'],
    env: goEnv,
    timeoutSeconds: VERSION_SECONDS,
    signal,
  });
  const version = /^go\d+\.\d+\S*$/m.exec(end.tail)?.[0];
  if (end.exitCode === 0 && version !== undefined && isNewEnough(version)) {
    return { go, env: goEnv, version };
  }
  throw missing(`${go} is too old or does not work: ${version ?? end.tail.trim()}`);
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.replace('go', '').split('.').map(Number.parseFloat);
  const [needMajor = 0, needMinor = 0] = NEEDED.split('.').map(Number);
  return major > needMajor || (major === needMajor && minor >= needMinor);
}

function missing(what: string): ClawError {
  const archive = `go${NEEDED}.0.linux-${process.arch === 'x64' ? 'amd64' : process.arch}.tar.gz`;
  return new ClawError(
    'MissingTool',
    `${what}; Go ${NEEDED} or newer builds the test cluster. Run: ` +
      `curl -fsSL https://go.dev/dl/${archive} | sudo tar -C ${join(USUAL_FOLDER, '../..')} -xz ` +
      '(or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl)',
  );
}
