import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { inspect } from 'node:util';
// Loaded before the first test starts its time: it is large.
import '@kubernetes/client-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { findKubeConfig, loadKubeConfig } from './load-kube-config.ts';

async function folder(): Promise<string> {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  return dir.path;
}

function configText(name: string, current = name): string {
  return JSON.stringify({
    'current-context': current,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [{ name, cluster: { server: `https://${name}.invalid` } }],
    users: [{ name, user: {} }],
  });
}

describe('where the cluster is named', () => {
  it('KUBECONFIG comes first and may name several files', async () => {
    const env = { KUBECONFIG: ['/a', '/b', ''].join(delimiter), KUBERNETES_SERVICE_HOST: 'h' };
    const found = findKubeConfig({ env, homeDirectory: await folder() });
    expect(found).toEqual({ kind: 'files', paths: ['/a', '/b'] });
  });

  it('then the pod, then the home folder, else an error with what to do', async () => {
    const homeDirectory = await folder();
    const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
    expect(findKubeConfig({ env, homeDirectory })).toEqual({
      kind: 'in-cluster',
      host: '10.0.0.1',
      port: '443',
    });
    expect(() => findKubeConfig({ env: {}, homeDirectory })).toThrow(/set KUBECONFIG/);
    const path = join(homeDirectory, '.kube', 'config');
    await mkdir(join(homeDirectory, '.kube'));
    await writeFile(path, configText('a'));
    expect(findKubeConfig({ env: {}, homeDirectory })).toEqual({ kind: 'files', paths: [path] });
  });
});

describe('a kubeconfig', () => {
  it('is merged from several files; the first names the context', async () => {
    const dir = await folder();
    const paths = [join(dir, 'a'), join(dir, 'b')];
    for (const [at, name] of ['first', 'second'].entries())
      await writeFile(paths[at] ?? '', configText(name));
    const config = await loadKubeConfig({ kind: 'files', paths });
    expect(config.getCurrentCluster()?.server).toBe('https://first.invalid');
    const other = await loadKubeConfig({ kind: 'files', paths, context: 'second' });
    expect(other.getCurrentCluster()?.server).toBe('https://second.invalid');
  });

  it('of a pod takes address, CA and token of the service account', async () => {
    const source = { kind: 'in-cluster', host: 'fd00::1', port: '443', folder: '/sa' } as const;
    const config = await loadKubeConfig(source);
    expect(config.getCurrentCluster()).toMatchObject({
      server: 'https://[fd00::1]:443',
      caFile: '/sa/ca.crt',
      skipTLSVerify: false,
    });
    expect(config.getCurrentUser()?.authProvider).toMatchObject({
      config: { tokenFile: '/sa/token' },
    });
  });

  it.each([
    ['is not there', undefined, /ENOENT/],
    ['is no YAML', 'a: [', /config: /],
    ['is empty', '', /input is empty/],
    ['names no context', '{}', /names no known cluster/],
    ['has no such context', configText('a', 'b'), /context "b".*known contexts: a/],
    ['has a nameless user', '{"users": [{}]}', /users\[0\]\.name is missing/],
  ])('that %s is refused with its path', async (_problem, text, message) => {
    const path = join(await folder(), 'config');
    if (text !== undefined) await writeFile(path, text);
    const error: unknown = await loadKubeConfig({ kind: 'files', paths: [path] }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'InvalidConfig' });
    expect(String(error)).toContain(path);
    expect(String(error)).toMatch(message);
  });

  it('that is no YAML is refused without a word of it', async () => {
    const text = 'users:\n- user: {token: very-secret\n';
    const error: unknown = await loadKubeConfig({ kind: 'text', text }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'InvalidConfig' });
    expect(inspect(error)).not.toContain('very-secret');
  });
});
