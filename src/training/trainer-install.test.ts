import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import { toClawError } from '../base/error.ts';
import { silentLogger } from '../base/logger.ts';
import { ensureTrainerPython, TRAINER_DIR } from './trainer-install.ts';

/** Answers for its version, makes environments that hold itself, and notes what pip is asked. */
const python = (version: string, pip: string): string => `#!/bin/sh
echo "$@" >> "$PIP_LOG_OF_TEST"
case "$1 $2" in
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python";;
  "-m pip") ${pip};;
  *) echo ${version};;
esac
`;
const WORKS = 'sleep 0.1; touch "$(dirname "$0")/../packages"';

let root: Awaited<ReturnType<typeof tempDir>>;
beforeEach(async () => {
  root = await tempDir();
  await mkdir(join(root.path, 'bin'));
  for (const tool of ['cp', 'dirname', 'mkdir', 'sleep', 'touch']) {
    await symlink(`/bin/${tool}`, join(root.path, 'bin', tool));
  }
  await writeFile(join(root.path, 'pins.txt'), 'torch==1\n');
  await usePython(python('3.11', WORKS));
});
afterEach(async () => await root[Symbol.asyncDispose]());

async function usePython(script: string): Promise<void> {
  await writeFile(join(root.path, 'bin/python3'), script);
  await chmod(join(root.path, 'bin/python3'), 0o755);
}

const install = (signal = new AbortController().signal): Promise<string> =>
  ensureTrainerPython({
    cacheDir: join(root.path, 'cache'),
    requirements: join(root.path, 'pins.txt'),
    env: {
      // No Python of this host is on it.
      PATH: join(root.path, 'bin'),
      PIP_LOG_OF_TEST: join(root.path, 'asked'),
      OPENAI_API_KEY: 'sk-secret',
    },
    logger: silentLogger,
    clock: systemClock,
    signal,
  });
const asked = async () => (await readFile(join(root.path, 'asked'), 'utf8')).trim().split('\n');
const cached = async () => await readdir(join(root.path, 'cache/trainer'));

describe("the trainer's Python", () => {
  it('is an environment with the pins, which are all that pip may look at', async () => {
    const path = await install();
    expect(await readFile(path, 'utf8')).toContain('/bin/sh');
    const pip = (await asked()).filter((line) => line.startsWith('-m pip'));
    expect(pip).toEqual([
      `-m pip install --no-deps --only-binary :all: --no-input --no-cache-dir -q -r ${join(root.path, 'pins.txt')}`,
    ]);
  });

  it('is made once, also for many at a time, and leaves nothing else', async () => {
    const paths = await Promise.all([install(), install(), install()]);
    expect(new Set(paths).size).toBe(1);
    await usePython(python('3.11', 'exit 1'));
    expect(await install()).toBe(paths[0]);
    expect((await asked()).filter((line) => line.startsWith('-m pip'))).toHaveLength(1);
    expect(await cached()).toHaveLength(1);
  });

  it('is another one for other pins and for another version', async () => {
    const first = await install();
    await writeFile(join(root.path, 'pins.txt'), 'torch==2\n');
    const second = await install();
    await usePython(python('3.12', WORKS));
    expect(new Set([first, second, await install()]).size).toBe(3);
  });

  it('says what pip said last and keeps nothing of it; the next try works', async () => {
    await usePython(python('3.11', 'echo "no space left" >&2; exit 1'));
    const failed = toClawError(await install().catch((thrown: unknown) => thrown));
    expect(failed).toMatchObject({ code: 'TrainingFailed', retryable: true });
    expect(failed.message).toMatch(/no space left.*CLAWGYM_TRAINER_PYTHON/s);
    expect(await cached()).toEqual([]);
    await usePython(python('3.11', WORKS));
    expect(await install()).toContain('/bin/python');
  });

  it('names the versions that it can use where the host has none of them', async () => {
    await usePython(python('3.9', WORKS));
    const failed = toClawError(await install().catch((thrown: unknown) => thrown));
    expect(failed.code).toBe('MissingTool');
    expect(failed.message).toMatch(/3\.11, 3\.12, 3\.13.*python3 is 3\.9.*python3-venv/s);
  });

  it('ends with the caller and keeps nothing half made', async () => {
    await usePython(python('3.11', 'sleep 60'));
    const stop = new AbortController();
    const installing = install(stop.signal);
    setTimeout(() => stop.abort(new Error('stopped')), 300);
    await expect(installing).rejects.toThrow('stopped');
    expect(await cached()).toEqual([]);
  });

  it('pins the libraries that the numbers in the documentation are from', async () => {
    const pins = await readFile(join(TRAINER_DIR, 'requirements-cpu.txt'), 'utf8');
    const named = pins.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(
      named.filter((line) => !/^[a-z0-9-]+==[0-9][^ ;]*(; sys_platform == "linux")?$/.test(line)),
    ).toEqual([]);
    expect(named).toEqual(expect.arrayContaining(['torch==2.13.0', 'trl==1.13.0']));
  });
});
