import { ClawError } from '../base/error.ts';
import { table } from '../base/table.ts';
import type { HostCapability } from '../engines/local/sandbox/host-capabilities.ts';
import { canRunHere, hostCapabilities } from '../engines/local/sandbox/host-capabilities.ts';
import { type CliEnvironment, cliEnvironment } from './environment.ts';
import { openHostSandbox } from './local-host.ts';
import type { OutputFormat } from './output-format.ts';
import { stderrLogger } from './stderr-logger.ts';
import { stopSignal } from './stop-signal.ts';

export interface DoctorOptions {
  readonly output: OutputFormat;
  readonly fix?: boolean | undefined;
}

/** `clawgym doctor [--fix]`: exit code 0 only where nothing required is missing. */
export async function doctorCommand(options: DoctorOptions): Promise<void> {
  const environment = cliEnvironment();
  const write = (text: string): void => void process.stderr.write(text);
  using stop = stopSignal(write);
  if (options.fix === true) {
    await fix(environment, write, stop.signal);
  }
  const facts = await capabilities(environment, stop.signal);
  process.stdout.write(options.output === 'json' ? json(facts) : text(facts));
  process.exitCode = canRunHere(facts) ? 0 : 1;
}

/** Installs and builds what it may; what stays missing is for the table to say. */
async function fix(
  environment: CliEnvironment,
  write: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    await using _sandbox = await openHostSandbox(environment, stderrLogger(write), signal);
  } catch (cause) {
    if (signal.aborted || !(cause instanceof ClawError)) throw cause;
    write(`${cause.message}\n`);
  }
}

function capabilities(
  { cacheDir, uid, env }: CliEnvironment,
  signal: AbortSignal,
): Promise<readonly HostCapability[]> {
  const nodeVersion = process.versions.node;
  return hostCapabilities({ cacheDir, arch: process.arch, uid, nodeVersion, env, signal });
}

function json(facts: readonly HostCapability[]): string {
  return `${JSON.stringify(facts, null, 2)}\n`;
}

function text(facts: readonly HostCapability[]): string {
  const rows = facts.map(({ name, required, ok, value, advice }) => {
    const missing = required ? 'NO' : 'no';
    return [name, required ? 'yes' : 'no', ok ? 'yes' : missing, value, advice];
  });
  return table(['CAPABILITY', 'REQUIRED', 'OK', 'FOUND', 'ADVICE'], rows);
}
