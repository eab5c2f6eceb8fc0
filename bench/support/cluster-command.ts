import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { cliEnvironment } from '../../src/cli/environment.ts';
import { stateRoot } from '../../test/cluster/state-root.ts';

const SCRIPT = resolve(import.meta.dirname, '../../scripts/cluster.ts');

/** `npm run cluster -- …` with state, and unless `warm` all caches, in a folder of its own. */
export class ClusterCommand {
  /** Where clusters of this command keep their state; empty while none runs. */
  readonly temporary: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(scratch: string, warm: boolean) {
    this.temporary = join(scratch, 'tmp');
    mkdirSync(this.temporary);
    const caches = {
      GOMODCACHE: join(scratch, 'go-modules'),
      GOCACHE: join(scratch, 'go-build'),
      CLAWGYM_CACHE_DIR: join(scratch, 'cache'),
      // Go makes its module cache read-only, and this one is removed at the end.
      GOFLAGS: '-modcacherw',
    };
    this.#env = { ...cliEnvironment().env, ...(warm ? {} : caches), TMPDIR: this.temporary };
  }

  /** State folder of the cluster that `up` of a layer leaves running. */
  stateFolder(layer: string): string {
    return join(this.temporary, basename(stateRoot(process.getuid?.() ?? -1)), `up-${layer}`);
  }

  /** Fails where the command does. */
  async run(...args: readonly string[]): Promise<void> {
    const argv = ['--disable-warning=ExperimentalWarning', SCRIPT, ...args];
    const child = spawn(process.execPath, argv, {
      env: this.#env,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await once(child, 'close');
    const code = child.exitCode;
    if (code !== 0) throw new Error(`npm run cluster -- ${args.join(' ')} exited with ${code}`);
  }
}
