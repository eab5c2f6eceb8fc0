import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import { toClawError } from '../base/error.ts';
import { silentLogger } from '../base/logger.ts';
import { ownProcessMark } from '../store/process-mark.ts';
import type { AgentHost } from './agent-host.ts';
import { type HarnessRecipe, installHarness } from './harness-install.ts';

const RECIPE: HarnessRecipe = {
  name: 'toy',
  package: 'toy-agent',
  recipeVersion: 1,
  afterInstall: [{ folder: 'node_modules/toy-agent', script: 'finish.mjs' }],
};
const LOCKFILE = '{"packages":{"node_modules/toy-agent":{"version":"1.2.3"}}}';
const WORKING_NPM = `#!/bin/sh
echo "$@" >> "$npm_config_log"
env > "$npm_config_log.env"
sleep 0.1
mkdir -p node_modules/toy-agent
echo "import { writeFileSync } from 'node:fs'; writeFileSync('finished', Object.keys(process.env).join());" > node_modules/toy-agent/finish.mjs
`;

let root: Awaited<ReturnType<typeof tempDir>>;
let host: AgentHost;
const abort = () => new AbortController();

beforeEach(async () => {
  root = await tempDir();
  for (const dir of ['bin', 'source/toy', 'cache']) {
    await mkdir(join(root.path, dir), { recursive: true });
  }
  await writeFile(join(root.path, 'source/toy/package.json'), '{}');
  await writeFile(join(root.path, 'source/toy/package-lock.json'), LOCKFILE);
  host = {
    nodePath: process.execPath,
    nodeVersion: '24.0.0',
    env: {
      PATH: `${join(root.path, 'bin')}:/usr/bin:/bin`,
      npm_config_log: join(root.path, 'npm.log'),
    },
  };
  await useNpm(WORKING_NPM);
});
afterEach(async () => await root[Symbol.asyncDispose]());

async function useNpm(script: string): Promise<void> {
  await writeFile(join(root.path, 'bin/npm'), script);
  await chmod(join(root.path, 'bin/npm'), 0o755);
}

async function install(signal = abort().signal, recipe = RECIPE) {
  const context = { cacheDir: join(root.path, 'cache'), logger: silentLogger, signal };
  return await installHarness(recipe, host, context, { sourceDir: join(root.path, 'source') });
}

const npmRuns = async () =>
  (await readFile(join(root.path, 'npm.log'), 'utf8').catch(() => '')).split('\n').filter(Boolean);
const cached = async () => await readdir(join(root.path, 'cache/agents')).catch(() => []);

describe('installHarness', () => {
  it('installs by lockfile without scripts, then finishes the package', async () => {
    const installed = await install();
    expect(installed.version).toBe('1.2.3');
    expect(await npmRuns()).toEqual(['ci --omit=optional --ignore-scripts --no-audit --no-fund']);
    expect(await readdir(join(installed.dir, 'node_modules/toy-agent'))).toContain('finished');
  });

  it("shows neither npm nor the package's own program the keys of this host", async () => {
    host = { ...host, env: { ...host.env, OPENAI_API_KEY: 'sk-secret', MY_TOKEN: 'sk-secret' } };
    const { dir } = await install();
    const ofNpm = await readFile(join(root.path, 'npm.log.env'), 'utf8');
    expect(ofNpm).toContain('npm_config_log=');
    expect(ofNpm).not.toMatch(/sk-secret|OPENAI_API_KEY|MY_TOKEN/);
    const ofPackage = await readFile(join(dir, 'node_modules/toy-agent/finished'), 'utf8');
    expect(ofPackage.split(',')).toContain('PATH');
    expect(ofPackage).not.toMatch(/OPENAI_API_KEY|MY_TOKEN/);
  });

  it('never runs npm again', async () => {
    const first = await install();
    await useNpm('#!/bin/sh\nexit 1\n');
    expect(await install()).toEqual(first);
  });

  it('runs npm once for many at a time and leaves nothing but the installation', async () => {
    const all = await Promise.all([install(), install(), install(), install()]);
    expect(new Set(all.map(({ dir }) => dir)).size).toBe(1);
    expect(await npmRuns()).toHaveLength(1);
    expect(await cached()).toHaveLength(1);
  });

  it('gives another lockfile and another recipe a folder of their own', async () => {
    const first = await install();
    const second = await install(undefined, { ...RECIPE, recipeVersion: 2 });
    await writeFile(join(root.path, 'source/toy/package-lock.json'), `${LOCKFILE}\n`);
    const third = await install();
    expect(new Set([first.dir, second.dir, third.dir]).size).toBe(3);
  });

  it('takes over the lock of a process that died, though its pid is in use again', async () => {
    const { dir } = await install();
    await rm(dir, { recursive: true });
    const [here] = ownProcessMark().split('.');
    await writeFile(`${dir}.lock`, `${here}.${process.pid}.1`);
    expect((await install()).dir).toBe(dir);
    expect(await npmRuns()).toHaveLength(2);
    expect(await cached()).toHaveLength(1);
  });

  it('replaces a folder without its mark that stands in its place', async () => {
    const { dir } = await install();
    await rm(join(dir, 'clawgym-installed.json'));
    await writeFile(join(dir, 'leftover'), '');
    expect((await install()).dir).toBe(dir);
    expect(await readdir(dir)).not.toContain('leftover');
  });

  it.each([
    ['npm fails', '#!/bin/sh\necho "E404 no such thing" >&2\nexit 1\n', /E404 no such thing/],
    [
      'npm leaves the package out',
      '#!/bin/sh\nmkdir node_modules\n',
      /cannot install .*toy 1\.2\.3/,
    ],
  ])('says so when %s and leaves nothing behind', async (_name, script, message) => {
    await useNpm(script);
    const failed = toClawError(await install().catch((error: unknown) => error));
    expect(failed.code).toBe('AgentSetupFailed');
    expect(failed.message).toMatch(message);
    expect(await cached()).toEqual([]);
    await useNpm(WORKING_NPM);
    expect((await install()).version).toBe('1.2.3');
  });

  it('names npm where it is missing', async () => {
    host = { ...host, env: { PATH: join(root.path, 'source') } };
    const failed = toClawError(await install().catch((error: unknown) => error));
    expect(failed.code).toBe('AgentSetupFailed');
    expect(failed.message).toContain('it needs npm');
  });

  it('ends npm and its children when cancelled', async () => {
    const pidFile = join(root.path, 'child.pid');
    await useNpm(
      `#!/bin/sh\nsleep 600 & echo $! > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; wait\n`,
    );
    const cancel = abort();
    const installing = install(cancel.signal);
    const pid = await until(async () => Number(await readFile(pidFile, 'utf8')));
    cancel.abort(new Error('stop'));
    await expect(installing).rejects.toThrow('stop');
    await until(() => Promise.resolve(isGone(pid)));
    expect(await cached()).toEqual([]);
  });
});

function isGone(pid: number): boolean {
  const state = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)])
    .stdout.toString()
    .trim();
  return state === '' || state.startsWith('Z');
}

/** Polls until the value is truthy; the test's own time-out bounds it. */
async function until<T>(probe: () => Promise<T>): Promise<T> {
  for (;;) {
    const value = await probe().catch(() => undefined);
    if (value) return value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
