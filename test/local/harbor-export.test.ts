import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { clawgym, EXAMPLES } from '../support/cli-process.ts';

const scratch = mkdtempSync(join(tmpdir(), 'clawgym-harbor-export-'));
const exported = join(scratch, 'exported');
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
beforeAll(async () => {
  const run = await clawgym('tasks', 'export', EXAMPLES, '--format', 'harbor', '--out', exported);
  expect(run.code, run.stderr).toBe(0);
});

const zToml = z.object({ environment: z.object({ workdir: z.string() }) });
const zReward = z.record(z.string(), z.number());

/** The container that Harbor would make of an exported task, with this host's programs. */
class Container {
  readonly #task: string;
  readonly #workdir: string;
  readonly #folders: string;

  constructor(id: string, name: string) {
    this.#task = join(exported, id);
    this.#workdir = zToml.parse(
      parse(readFileSync(join(this.#task, 'task.toml'), 'utf8')),
    ).environment.workdir;
    this.#folders = join(scratch, `${id}-${name}`);
    for (const folder of ['workspace', 'logs']) {
      mkdirSync(join(this.#folders, folder), { recursive: true });
    }
    const inputs = join(this.#task, 'environment/workspace');
    if (existsSync(inputs)) cpSync(inputs, join(this.#folders, 'workspace'), { recursive: true });
  }

  plant(path: string, text: string): void {
    writeFileSync(join(this.#folders, 'workspace', path), text);
  }

  /** `part`: `tests` or `solution`; each is there only while its own script runs. */
  run(part: 'tests' | 'solution', script: string): void {
    const mounts = [
      ...['--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin'],
      ...['--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64'],
      ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
      ...['--bind', join(this.#folders, 'workspace'), this.#workdir],
      ...['--bind', join(this.#folders, 'logs'), '/logs'],
      ...['--ro-bind', join(this.#task, part), `/${part}`, '--chdir', this.#workdir],
    ];
    const argv = ['--unshare-all', '--die-with-parent', '--clearenv', ...mounts];
    const environment = ['--setenv', 'PATH', '/usr/bin:/bin'];
    execFileSync('bwrap', [...argv, ...environment, 'bash', `/${part}/${script}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    });
  }

  reward(): number | undefined {
    const text = readFileSync(join(this.#folders, 'logs/verifier/reward.json'), 'utf8');
    return zReward.parse(JSON.parse(text))['reward'];
  }
}

describe.each(readdirSync(EXAMPLES))('the exported Harbor task %s', (id) => {
  it('rewards nothing for nothing', () => {
    const container = new Container(id, 'nothing');
    container.run('tests', 'test.sh');
    expect(container.reward()).toBe(0);
  });

  it('rewards nothing for a library module that an agent left where the test starts', () => {
    const container = new Container(id, 'planted');
    const forged = 'open("/logs/verifier/reward.json", "w").write(\'{"reward": 1.0}\')';
    for (const name of ['json', 'sys', 'encodings', 'sitecustomize'])
      container.plant(`${name}.py`, `${forged}\nimport os\nos._exit(0)\n`);
    container.run('tests', 'test.sh');
    expect(container.reward()).toBe(0);
  });

  it('rewards its own solution in full', () => {
    const container = new Container(id, 'solved');
    container.run('solution', 'solve.sh');
    container.run('tests', 'test.sh');
    expect(container.reward()).toBe(1);
  });
});
