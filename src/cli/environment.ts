import { homedir } from 'node:os';
import { join } from 'node:path';
import { programEnv } from '../base/program-env.ts';

/** Everything the command line takes from its surroundings: the one file that reads process.env. */
export interface CliEnvironment {
  readonly cwd: string;
  /** Downloads and builds that outlive a run: runner root, harnesses. */
  readonly cacheDir: string;
  /** True where a person watches stderr, which progress is written to. */
  readonly interactive: boolean;
  readonly color: boolean;
  readonly uid: number;
  /** For programs that the command starts: PATH, proxies; no key of a model is in it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** KUBECONFIG: files of clusters, as kubectl reads it. */
  readonly kubeconfig: string | undefined;
  readonly home: string;
  /** An interpreter that has the libraries of training; undefined: one is installed. */
  readonly trainerPython: string | undefined;
  /** Value of an environment variable that a flag or manifest names, for example an API key. */
  readonly secret: (name: string) => string | undefined;
}

export function cliEnvironment(): CliEnvironment {
  const env = process.env;
  return {
    cwd: process.cwd(),
    cacheDir: env['CLAWGYM_CACHE_DIR'] ?? defaultCacheDir(env['XDG_CACHE_HOME']),
    interactive: process.stderr.isTTY === true && canRewrite(env),
    color: process.stdout.isTTY === true && env['NO_COLOR'] === undefined,
    uid: process.getuid?.() ?? -1,
    env: programEnv(env),
    kubeconfig: env['KUBECONFIG'],
    home: homedir(),
    trainerPython: env['CLAWGYM_TRAINER_PYTHON'],
    secret: (name) => env[name],
  };
}

/** Logs of automation and dumb terminals get plain lines. */
export function canRewrite(env: Readonly<Record<string, string | undefined>>): boolean {
  const { CI: ci = '', TERM: term = '' } = env;
  return (ci === '' || ci === 'false') && term !== '' && term !== 'dumb';
}

/**
 * Root's cache stands in /var/cache, because sandboxes run under another uid and must be able to
 * enter it; root's home is closed to them.
 */
function defaultCacheDir(xdg: string | undefined): string {
  if (process.getuid?.() === 0) return '/var/cache/clawgym';
  return join(xdg ?? join(homedir(), '.cache'), 'clawgym');
}
