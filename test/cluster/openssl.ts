import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ClawError, errorMessage } from '../../src/base/error.ts';
import { installHint } from '../../src/engines/local/sandbox/host-tools.ts';
import type { HostEnv } from './cluster-host.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 30_000;

/** Runs openssl (3.0 or newer). Fails with `MissingTool` and what it said. */
export async function openssl(args: readonly string[], env: HostEnv): Promise<void> {
  try {
    await run('openssl', [...args], { env, timeout: TIMEOUT_MS });
  } catch (cause) {
    throw new ClawError(
      'MissingTool',
      `openssl ${args[0]} failed, and it makes the certificates of the cluster (3.0 or newer is needed). ` +
        `${installHint(['openssl'])}\n${errorMessage(cause)}`,
      { cause },
    );
  }
}
