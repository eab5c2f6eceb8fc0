import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
// Loaded before the first test starts its time: it is large.
import '@kubernetes/client-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { type Logger, silentLogger } from '../base/logger.ts';
import { createCredentials } from './credentials.ts';

interface Config {
  readonly user: Readonly<Record<string, unknown>>;
  readonly cluster?: Readonly<Record<string, unknown>>;
}

async function setUp(first: Config, files: Readonly<Record<string, string>> = {}) {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const path = join(dir.path, 'config');
  const put = (name: string, text: string) => writeFile(join(dir.path, name), text);
  const putConfig = ({ user, cluster = {} }: Config) =>
    put(
      'config',
      JSON.stringify({
        'current-context': 'here',
        contexts: [{ name: 'here', context: { cluster: 'c', user: 'u' } }],
        clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443', ...cluster } }],
        users: [{ name: 'u', user }],
      }),
    );
  for (const [name, text] of Object.entries(files)) await put(name, text);
  await putConfig(first);
  const warnings: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (_fields, message) => warnings.push(message) };
  const clock = new ManualClock();
  const source = { kind: 'files', paths: [path] } as const;
  const credentials = createCredentials({ source, clock, logger });
  const authorization = async () => (await credentials.current()).headers['authorization'];
  return { dir, clock, credentials, authorization, put, putConfig, warnings };
}

/** A credential plugin that gives `token-1`, `token-2` … and counts its runs in a file. */
const PLUGIN = `
  const { existsSync, readFileSync, writeFileSync } = require('node:fs');
  const { join } = require('node:path');
  const file = join(__dirname, 'runs');
  const runs = (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0) + 1;
  writeFileSync(file, String(runs));
  if (existsSync(join(__dirname, 'broken'))) { console.error('secret-of-plugin'); process.exit(1); }
  console.log(JSON.stringify({ kind: 'ExecCredential', status: { token: 'token-' + runs } }));
`;

describe('each kind of user', () => {
  it('with a token sends it', async () => {
    const { authorization } = await setUp({ user: { token: 'abc' } });
    expect(await authorization()).toBe('Bearer abc');
  });

  it('with a token file beside the kubeconfig sends its content without the line end', async () => {
    const user = { tokenFile: 'token', token: 'inline' };
    const { authorization } = await setUp({ user }, { token: 'from-file\n' });
    expect(await authorization()).toBe('Bearer from-file');
  });

  it('with name and password sends both', async () => {
    const { authorization } = await setUp({ user: { username: 'a', password: 'b' } });
    expect(await authorization()).toBe(`Basic ${Buffer.from('a:b').toString('base64')}`);
  });

  it('that acts as another says so', async () => {
    const { credentials } = await setUp({ user: { token: 'abc', as: 'other' } });
    expect((await credentials.current()).headers).toMatchObject({ 'impersonate-user': 'other' });
  });

  it('with a certificate has it in the connection, not in the headers', async () => {
    const user = { 'client-certificate': 'cert', 'client-key': 'key' };
    const { credentials } = await setUp({ user }, { cert: 'C', key: 'K' });
    const { headers, connect } = await credentials.current();
    expect(headers).toEqual({});
    expect(connect.tls).toMatchObject({ cert: Buffer.from('C'), key: Buffer.from('K') });
  });
});

describe('rotation', () => {
  it('reads the source again after 60 s, not earlier', async () => {
    const { authorization, clock, put } = await setUp(
      { user: { tokenFile: 'token' } },
      { token: '1' },
    );
    expect(await authorization()).toBe('Bearer 1');
    await put('token', '2');
    clock.advance(59_999);
    expect(await authorization()).toBe('Bearer 1');
    clock.advance(1);
    expect(await authorization()).toBe('Bearer 2');
  });

  it('reads it at once when the state in use was refused, one reading for all', async () => {
    const { credentials, put } = await setUp({ user: { tokenFile: 'token' } }, { token: '1' });
    const refused = await credentials.current();
    await put('token', '2');
    const renewed = await Promise.all([1, 2, 3].map(() => credentials.renew(refused)));
    expect(renewed[0]?.headers['authorization']).toBe('Bearer 2');
    expect(new Set(renewed).size).toBe(1);
    await put('token', '3');
    expect(await credentials.renew(refused)).toBe(renewed[0]);
  });

  it('reads a token that stays refused at most once a second', async () => {
    const { clock, credentials, put } = await setUp(
      { user: { tokenFile: 'token' } },
      { token: '1' },
    );
    const first = await credentials.renew(await credentials.current());
    await put('token', '2');
    expect(await credentials.renew(first)).toBe(first);
    clock.advance(1_000);
    expect((await credentials.renew(first)).headers['authorization']).toBe('Bearer 2');
  });

  it('keeps the connection settings unless server, CA or certificate changed', async () => {
    const cluster = { 'certificate-authority': 'ca' };
    const { clock, credentials, put } = await setUp({ user: { token: '1' }, cluster }, { ca: 'A' });
    const before = await credentials.current();
    clock.advance(60_000);
    const same = await credentials.current();
    expect(same).not.toBe(before);
    expect(same.connect).toBe(before.connect);
    await put('ca', 'B');
    clock.advance(60_000);
    const after = await credentials.current();
    expect(after.connect).not.toBe(before.connect);
    expect(String(after.connect.tls.ca)).toBe('B');
  });

  it('keeps the old state and warns where the source cannot be read for a while', async () => {
    const { authorization, clock, put, warnings } = await setUp({ user: { token: '1' } });
    expect(await authorization()).toBe('Bearer 1');
    await put('config', '{');
    clock.advance(60_000);
    expect(await authorization()).toBe('Bearer 1');
    expect(warnings).toEqual(['cannot renew the credentials; keeping the old ones']);
  });
});

describe('a credential plugin', () => {
  const user = (folder: string) => ({
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: [join(folder, 'plugin.cjs')],
    },
  });

  it('runs once until its token is refused', async () => {
    const { authorization, clock, credentials, dir, putConfig } = await setUp(
      { user: {} },
      { 'plugin.cjs': PLUGIN },
    );
    await putConfig({ user: user(dir.path) });
    expect(await authorization()).toBe('Bearer token-1');
    clock.advance(60_000);
    expect(await authorization()).toBe('Bearer token-1');
    const renewed = await credentials.renew(await credentials.current());
    expect(renewed.headers['authorization']).toBe('Bearer token-2');
  });

  it('that fails is named, its output is not told', async () => {
    const { credentials, dir, putConfig } = await setUp(
      { user: {} },
      { 'plugin.cjs': PLUGIN, broken: '' },
    );
    await putConfig({ user: user(dir.path) });
    const error: unknown = await credentials.current().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'InvalidConfig', retryable: true });
    expect(String(error)).toContain(`${JSON.stringify(process.execPath)} of the kubeconfig failed`);
    expect(inspect(error)).not.toContain('secret-of-plugin');
  });
});
