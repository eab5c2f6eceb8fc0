import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { load } from 'js-yaml';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { tempDir } from '../support/temp-dir.ts';

/** What the script asks of docker, kind, kubectl and helm; not what they do then. */
const ROOT = resolve(import.meta.dirname, '../..');
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const IMAGES = ['operator', 'server', 'runner', 'agent-pi', 'agent-openclaw'];

/** Programs that note how they are called; an image's id is what the bed says of it. */
async function bed(kind: string) {
  const dir = await tempDir();
  const at = (path: string): string => join(dir.path, path);
  for (const folder of ['bin', 'ids']) mkdirSync(at(folder));
  const stub = (name: string, lines: string): void =>
    writeFileSync(at(`bin/${name}`), `#!/bin/sh\necho "${name} $*" >> ${at('calls')}\n${lines}\n`, {
      mode: 0o755,
    });
  stub('kind', `[ "$1" != version ] || echo '${kind}'`);
  stub('docker', `[ "$1" != image ] || cat "${at('ids')}/$5"`);
  stub('kubectl', '');
  stub('helm', '');
  const holds = (image: string, id: string): void =>
    writeFileSync(at(`ids/clawgym-${image}:dev`), `sha256:${id.repeat(64)}\n`);
  for (const image of IMAGES) holds(image, 'a');
  const run = () => {
    rmSync(at('calls'), { force: true });
    const env = { PATH: `${at('bin')}:/usr/bin:/bin` };
    const { status, stderr } = spawnSync('/bin/sh', [join(ROOT, 'deploy/kind.sh')], { env });
    const calls = readFileSync(at('calls'), 'utf8').trim().split('\n');
    return { status, stderr: stderr.toString(), calls };
  };
  return { holds, run, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

const tagsOf = (calls: readonly string[]): readonly string[] => {
  const install = calls.find((call) => call.startsWith('helm upgrade --install clawgym '));
  return [...(install ?? '').matchAll(/--set (\S+)/g)].map(([, value]) => `${value}`);
};

test.each(['0.9.0', '0.24.0', '0.28.0', '0.28.0-alpha+1e95d05eeccdf6'])(
  'stops before all else at kind %s',
  async (version) => {
    await using it = await bed(`kind v${version} go1.24.2 linux/amd64`);
    const { status, stderr, calls } = it.run();
    expect(status).toBe(1);
    expect(stderr).toContain('install 0.29 or newer');
    expect(calls).toEqual(['kind version']);
  },
);

test.each(['0.29.0', '0.30.0', '0.33.0', '0.100.0', '1.0.0'])(
  'goes on at kind %s',
  async (version) => {
    await using it = await bed(`kind v${version} go1.24.2 linux/amd64`);
    const { status, stderr, calls } = it.run();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(calls.filter((call) => call.startsWith('kind load'))).toHaveLength(IMAGES.length);
  },
);

test('gives an image another tag where it holds something else, and only there', async () => {
  await using it = await bed('kind v0.29.0 go1.24.2 linux/amd64');
  const before = tagsOf(it.run().calls);
  expect(before).toHaveLength(IMAGES.length);
  expect(tagsOf(it.run().calls)).toEqual(before);
  it.holds('server', 'b');
  const { calls } = it.run();
  expect(tagsOf(calls).filter((tag) => !before.includes(tag))).toEqual([
    'images.server.tag=dev-bbbbbbbbbbbb',
  ]);
  expect(calls).toContain('docker tag clawgym-server:dev clawgym-server:dev-bbbbbbbbbbbb');
  expect(calls).toContain('kind load docker-image --name clawgym clawgym-server:dev-bbbbbbbbbbbb');
});

test('names every image of the chart by its key there', async () => {
  await using it = await bed('kind v0.29.0 go1.24.2 linux/amd64');
  const zValues = z.object({ images: z.record(z.string(), z.object({ repository: z.string() })) });
  const { images } = zValues.parse(load(text('charts/clawgym/values.yaml')));
  expect(tagsOf(it.run().calls).map((tag) => tag.replace(/^images\.(.+)\.tag=.*$/, '$1'))).toEqual(
    Object.keys(images),
  );
  expect(Object.values(images).map(({ repository }) => repository)).toEqual(
    IMAGES.map((image) => `clawgym-${image}`),
  );
});

test('makes nodes of a Kubernetes that the charts take, with the kind that the guide asks for', () => {
  const zConfig = z.object({ nodes: z.array(z.object({ image: z.string() })) });
  const { nodes } = zConfig.parse(load(text('kind-config.yaml')));
  const { kubeVersion } = z
    .object({ kubeVersion: z.string() })
    .parse(load(text('charts/clawgym/Chart.yaml')));
  const least = Number(/^>=1\.(\d+)\./.exec(kubeVersion)?.[1]);
  expect(least).toBeGreaterThan(0);
  for (const { image } of nodes) {
    const minor = /^kindest\/node:v1\.(\d+)\.\d+@sha256:[0-9a-f]{64}$/.exec(image)?.[1];
    expect(Number(minor)).toBeGreaterThanOrEqual(least);
  }
  for (const path of ['kind-config.yaml', 'docs/guides/kubernetes.md', 'deploy/kind.sh'])
    expect(text(path).replaceAll(/\n#?\s*/g, ' ')).toContain('kind 0.29 or newer');
});
