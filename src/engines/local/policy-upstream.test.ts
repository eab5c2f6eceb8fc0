import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { isRecord, parseJson } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { checkCanary } from '../../training/canary.ts';
import { type PolicyFiles, startPolicyServer } from './policy-server.ts';
import { PolicyUpstream } from './policy-upstream.ts';

const FAKE = join(import.meta.dirname, '../../../test/support/fake-policy-server.ts');
const NO_STOP = new AbortController().signal;

async function upstream(command: readonly string[] = [process.execPath, FAKE]) {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const folder = dir.path;
  const pids: number[] = [];
  const policy = new PolicyUpstream({
    ...{ name: 'tiny', clock: systemClock, random: Math.random, logger: silentLogger },
    maxStarts: 3,
    first: () => Promise.resolve(files(folder, 0)),
    start: async (wanted, signal) => {
      const server = await startPolicyServer({
        ...{ ...wanted, command, name: 'tiny', folder, clock: systemClock, signal, env: {} },
      });
      pids.push(Number((await readFile(join(folder, 'policy-server.pid'), 'utf8')).split(' ')[0]));
      return server;
    },
  });
  onTestFinished(() => policy[Symbol.asyncDispose]());
  return { policy, folder, pids };
}

const files = (folder: string, version: number): PolicyFiles => ({
  modelDir: join(folder, `v-${version}`),
  templateFile: join(folder, 'template.jinja'),
  version,
});

async function say(policy: PolicyUpstream, content = 'hello'): Promise<unknown> {
  const body = JSON.stringify({ model: 'tiny', messages: [{ role: 'user', content }] });
  const ask = { body: Buffer.from(body), accept: 'application/json' };
  const answer = await policy.chat(ask, NO_STOP);
  const value = parseJson((await buffer(answer.body)).toString());
  return isRecord(value) ? value['policy_version'] : value;
}

const alive = (pid: number): boolean => existsSync(`/proc/${pid}`);

describe('a model of ours as an upstream', () => {
  it('starts at the first call, takes another version between calls, and leaves nothing', async () => {
    const { policy, folder, pids } = await upstream();
    expect(policy.version).toBeUndefined();
    expect(await say(policy)).toBe(0);
    await policy.serve(files(folder, 1));
    expect([policy.version, await say(policy)]).toEqual([1, 1]);
    expect(pids).toHaveLength(1);
    await policy[Symbol.asyncDispose]();
    expect(alive(pids[0] ?? 0)).toBe(false);
    expect(existsSync(join(folder, 'policy-server.pid'))).toBe(false);
    await expect(say(policy)).rejects.toMatchObject({ code: 'Cancelled' });
  });

  it('comes back with what is wanted where its server is killed, and asks again', async () => {
    const { policy, folder, pids } = await upstream();
    await policy.serve(files(folder, 3));
    process.kill(pids[0] ?? 0, 'SIGKILL');
    expect(await say(policy)).toBe(3);
    expect(pids).toHaveLength(2);
  });

  it('asks again where the server ends in the middle of a call', async () => {
    const { policy, folder, pids } = await upstream();
    expect(await say(policy)).toBe(0);
    const call = say(policy, 'crash');
    // The fake ends at this prompt with version 0 only.
    await expect.poll(() => pids.length).toBe(1);
    void policy.serve(files(folder, 1)).catch(() => undefined);
    expect(await call).toBe(1);
  });

  it('gives up on one that always ends', async () => {
    const { policy } = await upstream();
    await expect(say(policy, 'crash')).rejects.toMatchObject({ code: 'UpstreamFailed' });
  });

  it('says why where it does not come up', async () => {
    const { policy } = await upstream([
      process.execPath,
      '-e',
      'console.error("no such weights"); process.exit(2)',
      '--',
    ]);
    await expect(say(policy)).rejects.toThrow(/exit code 2[\s\S]*no such weights/);
  });

  it('ends one that a killed parent left, before it starts another', async () => {
    const { policy, folder, pids } = await upstream();
    await policy.serve(files(folder, 0));
    const other = await upstream();
    await writeFile(
      join(other.folder, 'policy-server.pid'),
      await readFile(join(folder, 'policy-server.pid')),
    );
    await other.policy.serve(files(other.folder, 0));
    await expect.poll(() => alive(pids[0] ?? 0)).toBe(false);
  });

  it('proves itself with a canary', async () => {
    const { folder } = await upstream();
    const wanted = files(folder, 0);
    await mkdir(wanted.modelDir);
    await writeFile(join(wanted.modelDir, 'answer.json'), '[7, 8, 9]');
    const server = await startPolicyServer({
      ...{ ...wanted, command: [process.execPath, FAKE], name: 'tiny', folder, env: {} },
      ...{ clock: systemClock, signal: NO_STOP },
    });
    onTestFinished(() => server.stop());
    const named = { baseUrl: server.baseUrl, name: 'tiny' };
    await checkCanary(named, { prompt: 'who?', ids: [7, 8, 9] });
    await expect(checkCanary(named, { prompt: 'who?', ids: [7, 8, 1] })).rejects.toThrow(
      'answered with the ids 7 8 9, expected 7 8 1',
    );
  });
});
