import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ClawError, errorMessage } from '../base/error.ts';
import { programEnv } from '../base/program-env.ts';

/** A Python of this host that can hold the trainer's packages. */
export interface HostPython {
  /** As it is asked for, for example `python3`. */
  readonly command: string;
  /** Major and minor, for example `3.11`: packages are built for these. */
  readonly version: string;
}

/** The pinned packages have builds for these; the first name that answers with one is taken. */
const COMMANDS = ['python3', 'python3.11', 'python3.12', 'python3.13'];
const VERSIONS = ['3.11', '3.12', '3.13'];
const QUESTION = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
const ANSWER_MS = 30_000;

const run = promisify(execFile);

/** Finds it on the search path. Throws `MissingTool` with what each name said. */
export async function findHostPython(
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<HostPython> {
  const said: string[] = [];
  for (const command of COMMANDS) {
    signal.throwIfAborted();
    try {
      const options = { env: programEnv(env), signal, timeout: ANSWER_MS };
      const { stdout } = await run(command, ['-c', QUESTION], options);
      const version = stdout.trim();
      if (VERSIONS.includes(version)) return { command, version };
      said.push(`${command} is ${version}`);
    } catch (cause) {
      signal.throwIfAborted();
      said.push(`${command}: ${lastLine(errorMessage(cause))}`);
    }
  }
  throw new ClawError(
    'MissingTool',
    `training needs Python ${VERSIONS.join(', ')} with venv and ensurepip, found none (${said.join('; ')}); install python3 and python3-venv, or name an interpreter that has the packages in CLAWGYM_TRAINER_PYTHON`,
  );
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
