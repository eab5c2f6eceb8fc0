import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { type BinariesOptions, ensurePrograms } from '../cluster/binaries.ts';
import { clusterEnvironment } from '../cluster/cluster-environment.ts';
import { tempDir } from '../support/temp-dir.ts';

const { env } = clusterEnvironment();

/** A go command that answers with a version and builds each package into a file of its name. */
const GO = (version: string, build = 'true'): string => `#!/bin/sh
cd "$2"; shift 2
if [ "$1" = env ]; then echo ${version}; exit; fi
echo "$@" >> "$GO_LOG"
${build}
while [ $# -gt 0 ]; do
  case $1 in -o) into=$2; shift ;; */*) printf x > "$into$(basename "$1")" && chmod +x "$into$(basename "$1")" ;; esac
  shift
done
`;

async function host(go: string) {
  const folder = await tempDir();
  const tools = join(folder.path, 'tools');
  const cacheDir = join(folder.path, 'cache');
  const log = join(folder.path, 'log');
  await mkdir(tools);
  await writeFile(join(tools, 'go'), go);
  await chmod(join(tools, 'go'), 0o755);
  const options: BinariesOptions = {
    cacheDir,
    env: { PATH: `${tools}${delimiter}${env['PATH']}`, GO_LOG: log },
    logger: silentLogger,
    signal: new AbortController().signal,
  };
  const builds = async (): Promise<string[]> =>
    (await readFile(log, 'utf8').catch(() => '')).split('\n').filter(Boolean);
  const dispose = async (): Promise<void> => await folder[Symbol.asyncDispose]();
  return { path: folder.path, options, cacheDir, builds, [Symbol.asyncDispose]: dispose };
}

describe('programs of the test cluster', () => {
  test('are built once, with their version, and then come from the cache', async () => {
    await using on = await host(GO('go1.26.8'));
    const first = await ensurePrograms(['kube-apiserver', 'kubectl'], on.options);
    expect(await ensurePrograms(['kubectl'], on.options)).toEqual({ kubectl: first.kubectl });
    const builds = await on.builds();
    expect(builds).toHaveLength(1);
    expect(builds[0]).toMatch(/-trimpath .*version\.gitVersion=v1\.36\.\d+ .*gitMinor=36 /);
    expect(first['kube-apiserver']).toContain(join(on.cacheDir, 'cluster-programs', 'kubernetes-'));
  });

  test('are built once where two ask at the same time', async () => {
    await using on = await host(GO('go1.26.8', 'sleep 0.3'));
    const ask = () => ensurePrograms(['kwok'], on.options);
    const [first, second] = await Promise.all([ask(), ask()]);
    expect(first).toEqual(second);
    expect(await on.builds()).toHaveLength(1);
  });

  test('are built anew for another Go', async () => {
    await using on = await host(GO('go1.26.8'));
    const before = await ensurePrograms(['kwok'], on.options);
    await writeFile(join(on.path, 'tools', 'go'), GO('go1.27.0'));
    expect(await ensurePrograms(['kwok'], on.options)).not.toEqual(before);
  });

  test('of the floor release are apart from those of the pinned one', async () => {
    await using on = await host(GO('go1.26.8'));
    const pinned = await ensurePrograms(['kube-apiserver'], on.options);
    const floor = await ensurePrograms(['kube-apiserver'], { ...on.options, release: 'floor' });
    expect(floor).not.toEqual(pinned);
    expect((await on.builds())[1]).toMatch(/gitVersion=v1\.33\.\d+ /);
  });

  test('come from KUBEBUILDER_ASSETS where they are there; the rest is built', async () => {
    await using on = await host(GO('go1.26.8'));
    const assets = join(on.path, 'assets');
    await mkdir(assets);
    await writeFile(join(assets, 'kube-apiserver'), '');
    await chmod(join(assets, 'kube-apiserver'), 0o755);
    const given = { ...on.options, env: { ...on.options.env, KUBEBUILDER_ASSETS: assets } };
    const found = await ensurePrograms(['kube-apiserver', 'kube-scheduler'], given);
    expect(found['kube-apiserver']).toBe(join(assets, 'kube-apiserver'));
    expect(found['kube-scheduler']).toContain(on.cacheDir);
  });

  test('that do not build leave nothing half made, and the words of the compiler', async () => {
    await using on = await host(GO('go1.26.8', 'echo undefined: x >&2; exit 1'));
    await expect(ensurePrograms(['kwok'], on.options)).rejects.toThrow(/undefined: x/);
    const root = join(on.cacheDir, 'cluster-programs');
    const files = await readdir(root, { recursive: true });
    expect(files.filter((name) => name.endsWith('/kwok') || name.includes('build'))).toEqual([]);
  });

  test.each([
    ['too old', GO('go1.25.9'), /go is too old or does not work: go1\.25\.9/],
    ['broken', '#!/bin/sh\necho cannot find GOROOT; exit 2', /cannot find GOROOT/],
  ])('need a Go that is not %s, and the message says how to get one', async (_, go, why) => {
    await using on = await host(go);
    const asked = ensurePrograms(['etcd'], on.options);
    await expect(asked).rejects.toThrow(why);
    await expect(asked).rejects.toThrow('Run: curl -fsSL https://go.dev/dl/go1.26.');
  });
});
