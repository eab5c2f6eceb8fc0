import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readSupervisor } from '../cluster/cluster-record.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { ClusterProcesses } from '../support/cluster-processes.ts';
import { processesNaming } from '../support/processes-naming.ts';
import { tempDir } from '../support/temp-dir.ts';

const END_SECONDS = 60;

async function nothingLeft(temporary: string): Promise<void> {
  const gone = (): boolean => processesNaming(temporary).length === 0;
  await waitUntil(gone, { what: 'no process is left', seconds: END_SECONDS }).catch(() => {
    expect(processesNaming(temporary)).toEqual([]);
  });
  expect(readdirSync(temporary)).toEqual([]);
}

describe.concurrent('a cluster of the apiserver layer', () => {
  test('ends with the process that started it, however that ends', async ({ expect }) => {
    await using temporary = await tempDir();
    const processes = new ClusterProcesses(temporary.path);
    const { process: owner, record } = await processes.owner('apiserver');
    expect(processesNaming(temporary.path).length).toBeGreaterThan(5);
    owner.kill('SIGKILL');
    const folder = String(record.stateFolder);
    const gone = (): boolean => !existsSync(folder);
    await waitUntil(gone, { what: 'the folder is gone', seconds: END_SECONDS });
    await nothingLeft(temporary.path);
  });

  test('runs on after up, is the same after a second up, and is gone after down', async ({
    expect,
  }) => {
    await using temporary = await tempDir();
    const processes = new ClusterProcesses(temporary.path);
    const first = await processes.command('up', '--layer', 'apiserver', '-o', 'json');
    const second = await processes.command('up', '--layer', 'apiserver', '-o', 'json');
    expect(JSON.parse(second)).toEqual(JSON.parse(first));
    expect(await processes.command('status')).toMatch(/up-apiserver +apiserver +ready +up +4\/4/);
    expect(await processes.command('down')).toBe('gone: up-apiserver\n');
    await nothingLeft(temporary.path);
    expect(await processes.command('status')).toContain('no cluster runs');
    expect(await processes.command('down')).toBe('nothing was running\n');
  });

  test('loses its programs with its supervisor, and down removes the rest', async ({ expect }) => {
    await using temporary = await tempDir();
    const processes = new ClusterProcesses(temporary.path);
    const up = await processes.command('up', '--layer', 'apiserver', '-o', 'json');
    const { stateFolder } = JSON.parse(up) as { stateFolder: string };
    const supervisor = readSupervisor(stateFolder);
    process.kill(Number(supervisor?.pid), 'SIGKILL');
    const alone = (): boolean => processesNaming(temporary.path).length === 0;
    await waitUntil(alone, { what: 'the programs have ended', seconds: END_SECONDS });
    expect(await processes.command('status')).toContain('left behind');
    expect(await processes.command('down')).toBe('gone: up-apiserver\n');
    await nothingLeft(temporary.path);
  });
});
