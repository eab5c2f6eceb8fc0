import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { z } from 'zod';
import { KUBE_YAML, splitDocuments } from '../../src/api/kube-yaml.ts';
import { ClawError } from '../../src/base/error.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { ensurePrograms } from '../cluster/binaries.ts';
import { clusterEnvironment } from '../cluster/cluster-environment.ts';
import { tempDir } from './temp-dir.ts';

export const CHARTS = join(import.meta.dirname, '../../charts');
/** Building helm takes minutes the first time. */
export const HELM_BUILD_MS = 900_000;

const HELM_MS = 300_000;
const MAX_OUTPUT = 64 * 1024 * 1024;

const zRendered = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});
/** One object of a rendered chart. */
export type Rendered = z.infer<typeof zRendered>;

/** The helm of the pinned module, with configuration and caches of its own. */
export class Helm implements AsyncDisposable {
  readonly #path: string;
  readonly #home: Awaited<ReturnType<typeof tempDir>>;

  private constructor(path: string, home: Awaited<ReturnType<typeof tempDir>>) {
    this.#path = path;
    this.#home = home;
  }

  static async open(): Promise<Helm> {
    const { cacheDir, env } = clusterEnvironment();
    const { signal } = new AbortController();
    const { helm } = await ensurePrograms(['helm'], {
      ...{ cacheDir, env, signal },
      logger: silentLogger,
    });
    return new Helm(helm, await tempDir());
  }

  /** Standard output; fails with `ClusterFailed` and helm's own words. */
  async run(args: readonly string[]): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const home = this.#home.path;
    const homes = { HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home };
    execFile(
      this.#path,
      [...args],
      {
        env: { ...clusterEnvironment().env, ...homes },
        timeout: HELM_MS,
        maxBuffer: MAX_OUTPUT,
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new ClawError('ClusterFailed', `helm ${args.join(' ')}: ${stderr}${stdout}`));
      },
    );
    return await promise;
  }

  /** The objects of a chart of ours, as `helm template` renders them. */
  async template(
    chart: 'clawgym' | 'clawgym-crds',
    args: readonly string[] = [],
  ): Promise<readonly Rendered[]> {
    const text = await this.run(['template', 'clawgym', join(CHARTS, chart), ...args]);
    return splitDocuments(text).map((document) =>
      zRendered.parse(load(document.text, { schema: KUBE_YAML })),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#home[Symbol.asyncDispose]();
  }
}
