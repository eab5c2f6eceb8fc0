import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { clusterEnvironment } from '../../test/cluster/cluster-environment.ts';
import { stateRoot } from '../../test/cluster/state-root.ts';

const SCRIPT = resolve(import.meta.dirname, '../../scripts/cluster.ts');

/** `npm run cluster -- …` with state, and unless `warm` all caches, in a folder of its own. */
export class ClusterCommand {
  /** Where clusters of this command keep their state; empty while none runs. */
  readonly temporary: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #signal: AbortSignal | undefined;

  /** `signal` ends what `run` is at, and fails it. */
  constructor(scratch: string, warm: boolean, signal?: AbortSignal) {
    this.#signal = signal;
    this.temporary = join(scratch, 'tmp');
    mkdirSync(this.temporary, { recursive: true });
    const caches = {
      GOMODCACHE: join(scratch, 'go-modules'),
      GOCACHE: join(scratch, 'go-build'),
      CLAWGYM_CACHE_DIR: join(scratch, 'cache'),
      // Go makes its module cache read-only, and this one is removed at the end.
      GOFLAGS: '-modcacherw',
    };
    this.#env = { ...clusterEnvironment().env, ...(warm ? {} : caches), TMPDIR: this.temporary };
  }

  /** Holds the state of all clusters; not there while there is none. */
  get stateRoot(): string {
    return join(this.temporary, basename(stateRoot(process.getuid?.() ?? -1)));
  }

  /** State folder of the cluster that `up` of a layer leaves running. */
  stateFolder(layer: string): string {
    return join(this.stateRoot, `up-${layer}`);
  }

  /** Fails where the command does. */
  async run(...args: readonly string[]): Promise<void> {
    this.#signal?.throwIfAborted();
    const argv = ['--disable-warning=ExperimentalWarning', SCRIPT, ...args];
    const child = spawn(process.execPath, argv, {
      env: this.#env,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const stop = (): void => void child.kill('SIGTERM');
    this.#signal?.addEventListener('abort', stop, { once: true });
    await once(child, 'close');
    this.#signal?.removeEventListener('abort', stop);
    this.#signal?.throwIfAborted();
    const code = child.exitCode;
    if (code !== 0) throw new Error(`npm run cluster -- ${args.join(' ')} exited with ${code}`);
  }
}
