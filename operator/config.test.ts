import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { tempDir } from '../test/support/temp-dir.ts';
import { readConfig, usage } from './config.ts';

const PODS = {
  images: { pi: 'pi:1', openclaw: 'openclaw:1', runner: 'runner:1' },
  server: { namespace: 'clawgym', podLabels: { app: 'server' } },
};

/** Flags that are enough, with files as given. */
async function flags(pods: unknown = PODS, sandbox: unknown = { runtimeClassName: 'gvisor' }) {
  const folder = await tempDir();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const path = async (name: string, value: unknown): Promise<string> => {
    const file = join(folder.path, name);
    await writeFile(file, typeof value === 'string' ? value : JSON.stringify(value));
    return file;
  };
  return [
    '--namespace=clawgym',
    '--server-url=https://clawgym-server.clawgym.svc:8444',
    '--server-token-file=/token',
    '--server-service=clawgym-server',
    `--pod-settings=${await path('pods.json', pods)}`,
    `--sandbox-defaults=${await path('sandbox.json', sandbox)}`,
  ];
}

test('what the chart writes becomes the configuration', async () => {
  const argv = [...(await flags()), '--namespaces=a,b', '--lease=op', '--log-level=debug'];
  expect(readConfig(argv)).toMatchObject({
    namespace: 'clawgym',
    namespaces: ['a', 'b'],
    lease: 'op',
    service: { namespace: 'clawgym', name: 'clawgym-server' },
    podSettings: { images: { runner: 'runner:1' }, imagePullPolicy: 'IfNotPresent' },
    sandboxDefaults: { runtimeClassName: 'gvisor' },
    opsPort: 9090,
    logLevel: 'debug',
  });
});

test('an empty flag is an absent one; no namespaces mean all', async () => {
  const argv = [...(await flags()), '--namespaces=', '--lease='];
  expect(readConfig(argv)).toMatchObject({ namespaces: undefined, lease: undefined });
});

test('the environment configures nothing', async () => {
  vi.stubEnv('CLAWGYM_LEASE', 'other');
  vi.stubEnv('CLAWGYM_OPS_PORT', '0');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(readConfig(await flags())).toMatchObject({ lease: undefined, opsPort: 9090 });
});

test.each<[string, readonly string[], RegExp]>([
  ['an unknown flag', ['--verbose'], /verbose.*--help/],
  ['a port that is none', ['--ops-port=99999'], /--ops-port: /],
  ['a URL that is none', ['--server-url=server:8444x'], /--server-url|server/],
  ['a level that is none', ['--log-level=loud'], /--log-level: /],
  ['an empty list', ['--namespaces=,'], /--namespaces/],
])('%s is refused by name', async (_name, more, message) => {
  const argv = [...(await flags()), ...more];
  expect(() => readConfig(argv)).toThrow(message);
});

test.each<[string, unknown, RegExp]>([
  ['not JSON', '{', /pods.json: .*expected JSON/],
  ['without an image', { ...PODS, images: { pi: 'pi:1' } }, /pods.json: images.openclaw: /],
  ['with an unknown field', { ...PODS, privileged: true }, /pods.json: /],
])('pod settings %s are refused by file and field', async (_name, pods, message) => {
  const argv = await flags(pods);
  expect(() => readConfig(argv)).toThrow(message);
});

test('a flag that is missing is named', () => {
  expect(() => readConfig([])).toThrow(/--namespace: .*--server-url: /);
  expect(usage()).toContain('--server-token-file');
});
