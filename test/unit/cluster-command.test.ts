import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { clusterEnvironment } from '../cluster/cluster-environment.ts';
import { existingCluster } from '../cluster/existing-cluster.ts';
import { freePorts } from '../cluster/free-ports.ts';

const run = promisify(execFile);
const SCRIPT = join(import.meta.dirname, '..', '..', 'scripts', 'cluster.ts');
const environment = clusterEnvironment();

async function cluster(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const options = { env: { ...environment.env, ...env } };
  try {
    const { stdout } = await run(process.execPath, [SCRIPT, ...args], options);
    return { code: 0, text: stdout };
  } catch (thrown) {
    const { code, stderr } = thrown as { code: number; stderr: string };
    return { code, text: stderr };
  }
}

describe('npm run cluster', () => {
  test('names its layers and commands in its help', async () => {
    const { code, text } = await cluster(['--help']);
    expect(code).toBe(0);
    for (const word of ['up', 'down', 'status', 'apiserver', 'scale', 'node']) {
      expect(text).toMatch(new RegExp(`^ +${word}\\b`, 'm'));
    }
  });

  test.each([
    ['an unknown layer', ['up', '--layer', 'kind'], 2, 'expected one of apiserver, scale, node'],
    ['an odd number of nodes', ['up', '--nodes', '0'], 2, 'expected a whole number above 0'],
    ['an unknown command', ['start'], 2, "unknown command 'start'"],
  ])('refuses %s', async (_, args, code, words) => {
    const end = await cluster(args);
    expect(end.code).toBe(code);
    expect(end.text).toContain(words);
  });

  test('refuses a provider that it does not know', async () => {
    const end = await cluster(['up'], { CLAWGYM_CLUSTER_PROVIDER: 'kind' });
    expect(end).toMatchObject({
      code: 1,
      text: expect.stringContaining('expected programs or k3s'),
    });
  });
});

describe('the cluster of KUBECONFIG', () => {
  const from = (env: Readonly<Record<string, string>>) => {
    const { signal } = new AbortController();
    const { cacheDir, uid } = environment;
    const given = { cacheDir, uid, env, logger: silentLogger, signal };
    return existingCluster('apiserver', {}, given);
  };

  test('is left alone unless it is asked for', async () => {
    expect(await from({ KUBECONFIG: '/nowhere' })).toBeUndefined();
  });

  test('is named where its file does not exist', async () => {
    const asked = from({ USE_EXISTING_CLUSTER: 'true', KUBECONFIG: '/nowhere/config' });
    await expect(asked).rejects.toThrow('no kubeconfig /nowhere/config: set KUBECONFIG');
  });
});

test('free ports lie outside of what clients are given', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  for (const port of ports) expect(port).toBeLessThan(32_768);
});
