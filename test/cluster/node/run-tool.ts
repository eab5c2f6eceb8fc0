import { ClawError } from '../../../src/base/error.ts';
import { type HostEnv, runHostCommand } from '../../../src/engines/local/sandbox/host-command.ts';

export interface ToolOptions {
  readonly env: HostEnv;
  readonly signal: AbortSignal;
  /** Default 60. */
  readonly timeoutSeconds?: number;
}

const TIMEOUT_SECONDS = 60;

/** Runs one command of the host to its end. Fails with `ClusterFailed` and what it printed. */
export async function runTool(
  argv: readonly [string, ...string[]],
  { env, signal, timeoutSeconds = TIMEOUT_SECONDS }: ToolOptions,
): Promise<string> {
  const end = await runHostCommand({ argv, env, signal, timeoutSeconds });
  if (end.exitCode === 0) return end.tail;
  throw new ClawError(
    'ClusterFailed',
    `${argv.join(' ')} ended with exit code ${end.exitCode}:\n${end.tail.trim()}`,
  );
}
