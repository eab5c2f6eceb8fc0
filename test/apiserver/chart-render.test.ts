import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readConfig } from '../../operator/config.ts';
import type { Resource } from '../../src/api/define-resource.ts';
import { formatFieldPath } from '../../src/api/field-path.ts';
import { isKind, KINDS } from '../../src/api/kinds.ts';
import { zSandbox } from '../../src/api/sandbox-spec.ts';
import { unknownFields } from '../../src/api/unknown-fields.ts';
import { zPodSettings } from '../../src/engines/kubernetes/settings.ts';
import { readServerConfig } from '../../src/server/process/config.ts';
import { CHARTS, HELM_BUILD_MS, Helm, type Rendered } from '../support/helm.ts';
import { crdSchema, serverVerdict } from '../support/server-verdict.ts';
import { strictProblems } from '../support/strict-objects.ts';
import { tempDir } from '../support/temp-dir.ts';

let helm: Helm;
beforeAll(async () => {
  helm = await Helm.open();
}, HELM_BUILD_MS);
afterAll(async () => {
  await helm?.[Symbol.asyncDispose]();
});

const DIGEST = `sha256:${'a'.repeat(64)}`;
const TRAINERS = ['sft', 'rl'].flatMap((name) => [
  ...['--set', `training.runtimes.${name}.image=registry.example/trainer@${DIGEST}`],
  ...['--set', `training.runtimes.${name}.nodeSelector.gpu=h200`],
  ...['--set', `training.runtimes.${name}.tolerations[0].operator=Exists`],
  ...['--set', `training.runtimes.${name}.resources.memory=64Gi`],
]);
/** Every branch of every template is taken by one of them. */
const VALUE_SETS: Readonly<Record<string, readonly string[]>> = {
  'as they are': [],
  'for the whole cluster': ['--set', 'scope=cluster,namespaces={a,b}', ...TRAINERS],
  'for two namespaces': ['--set', 'namespaces={team-a,team-b}'],
  'with everything set': [
    ...['--set', 'operator.replicas=2,server.podDisruptionBudget.enabled=true'],
    ...['--set', `image.registry=registry.example/clawgym,images.pi.digest=${DIGEST}`],
    ...['--set', 'image.pullSecrets={pull},commonLabels.team=agents,fullnameOverride=gym'],
    ...['--set', 'server.service.clusterIP=10.96.7.7,server.service.annotations.a=b'],
    ...['--set', 'server.storage.storageClassName=fast,server.upstreamSecrets={model}'],
    ...['--set', 'server.taskUrlHosts={tasks.example},server.priorityClassName=high'],
    ...['--set', 'server.nodeSelector.disk=ssd,server.tolerations[0].operator=Exists'],
    ...['--set', 'operator.podAnnotations.a=b,server.podAnnotations.a=b'],
    ...['--set-json', 'operator.affinity={"podAntiAffinity":{}}'],
    ...['--set-json', 'networkPolicy.metricsFrom=[{"namespaceSelector":{}}]'],
    ...['--set-json', 'networkPolicy.userFrom=[{"podSelector":{}}]'],
    ...['--set', 'sandbox.hardening.userNamespaces=true,sandbox.hardening.appArmor=true'],
    ...['--set-json', 'sandbox.defaults={"runtimeClassName":"gvisor","resources":{"cpu":"2"}}'],
    ...['--set', 'podMonitor.enabled=true,podMonitor.labels.release=prometheus'],
    ...TRAINERS,
  ],
  'without network policies': ['--set', 'networkPolicy.enabled=false'],
};

const PARTS = z.object({ data: z.object({ 'pods.json': z.string(), 'sandbox.json': z.string() }) });

function settingsOf(objects: readonly Rendered[]) {
  const { data } = PARTS.parse(objects.find(({ kind }) => kind === 'ConfigMap'));
  const [pods, sandbox] = [data['pods.json'], data['sandbox.json']].map((text): unknown =>
    JSON.parse(text),
  );
  return { pods: zPodSettings.parse(pods), sandbox: zSandbox.parse(sandbox) };
}

const zMonitor = z.strictObject({
  apiVersion: z.literal('monitoring.coreos.com/v1'),
  kind: z.literal('PodMonitor'),
  metadata: z.looseObject({}),
  spec: z.strictObject({
    selector: z.strictObject({ matchLabels: z.record(z.string(), z.string()) }),
    podMetricsEndpoints: z.tuple([
      z.strictObject({ port: z.string(), path: z.string(), interval: z.string() }),
    ]),
  }),
});

/** A line for whatever an API server would refuse or drop of an object. */
function problemsOf(object: Rendered): readonly string[] {
  if (object.kind === 'PodMonitor')
    return zMonitor.safeParse(object).error?.issues.map(({ message }) => message) ?? [];
  if (!isKind(object.kind)) return strictProblems(object);
  const schema = crdSchema(KINDS[object.kind]);
  // Of metadata a CRD names only what it bounds.
  const own = { ...object, metadata: { name: object.metadata.name } };
  return [
    ...unknownFields(schema, own).map(({ path }) => `${formatFieldPath(path)}: unknown field`),
    ...serverVerdict(schema, object).map(({ field, message }) => `${field}: ${message}`),
  ];
}

const zProgram = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({ containers: z.tuple([z.object({ args: z.array(z.string()) })]) }),
    }),
  }),
});

function argsOf(objects: readonly Rendered[], wanted: string): readonly string[] {
  const { template } = zProgram.parse(objects.find(({ kind }) => kind === wanted)).spec;
  return template.spec.containers[0].args;
}

/** All image references, those that the operator hands on included. */
function imagesOf(objects: readonly Rendered[]): readonly string[] {
  const direct = [...JSON.stringify(objects).matchAll(/"image":"([^"]+)"/g)].map(
    ([, name]) => name,
  );
  return [...direct, ...Object.values(settingsOf(objects).pods.images)].map((name) => `${name}`);
}

describe('the charts', () => {
  test.each(['clawgym', 'clawgym-crds'])('%s passes the strict lint', async (chart) => {
    expect(await helm.run(['lint', '--strict', join(CHARTS, chart)])).toContain(
      '1 chart(s) linted, 0 chart(s) failed',
    );
  });

  test.each(['clawgym', 'clawgym-crds'])('%s has the version of the product', async (chart) => {
    const root = join(CHARTS, '..');
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
    const text = await readFile(join(CHARTS, chart, 'Chart.yaml'), 'utf8');
    expect(load(text)).toMatchObject({ version, appVersion: version, kubeVersion: '>=1.33.0-0' });
  });

  test.each(Object.entries(VALUE_SETS))(
    'render objects that the API knows, field by field: %s',
    async (_, args) => {
      const objects = await helm.template('clawgym', ['--namespace', 'gym', ...args]);
      expect(objects.length).toBeGreaterThan(10);
      expect(
        objects.flatMap((object) =>
          problemsOf(object).map((problem) => `${object.kind} ${object.metadata.name} ${problem}`),
        ),
      ).toEqual([]);
      settingsOf(objects);
    },
  );

  test.each(Object.entries(VALUE_SETS))(
    'start both programs with flags that they take: %s',
    async (_, args) => {
      const objects = await helm.template('clawgym', ['--namespace', 'gym', ...args]);
      const server = readServerConfig(argsOf(objects, 'StatefulSet'));
      await using folder = await tempDir();
      const { data } = PARTS.parse(objects.find(({ kind }) => kind === 'ConfigMap'));
      for (const [name, text] of Object.entries(data))
        await writeFile(join(folder.path, name), text);
      const argv = argsOf(objects, 'Deployment').map((arg) =>
        arg.replace('/etc/clawgym', folder.path),
      );
      const operator = readConfig(argv);
      expect(operator.namespaces).toEqual(server.namespaces);
      expect(operator.service).toEqual({ namespace: 'gym', name: server.service });
      expect(operator.lease).toBe(server.operatorAccount);
      expect(operator.server.url).toBe(`https://${server.service}.gym.svc:${server.userPort}`);
    },
  );

  test.each([
    ['TrainingRuntime', 'namespaces={a,b}', ['a/rl', 'a/sft', 'b/rl', 'b/sft']],
    ['ClusterTrainingRuntime', 'scope=cluster', ['rl', 'sft']],
  ])('make a %s of each trainer with %s', async (wanted, value, places) => {
    const objects = await helm.template('clawgym', ['--set', value, ...TRAINERS]);
    const made = objects.filter(({ kind }) => kind.endsWith('TrainingRuntime'));
    expect(new Set(made.map(({ kind }) => kind))).toEqual(new Set([wanted]));
    const names = made.map(({ metadata: { namespace, name } }) =>
      namespace === undefined ? name : `${namespace}/${name}`,
    );
    expect(names.toSorted()).toEqual(places);
  });

  test('have Prometheus read a port that both programs have', async () => {
    const objects = await helm.template('clawgym', ['--set', 'podMonitor.enabled=true']);
    const { selector, podMetricsEndpoints } = zMonitor.parse(
      objects.find(({ kind }) => kind === 'PodMonitor'),
    ).spec;
    const zPods = z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: z.object({
        containers: z.tuple([z.object({ ports: z.array(z.object({ name: z.string() })) })]),
      }),
    });
    for (const wanted of ['Deployment', 'StatefulSet']) {
      const program = objects.find(({ kind }) => kind === wanted);
      const { metadata, spec } = z.object({ spec: z.object({ template: zPods }) }).parse(program)
        .spec.template;
      expect(metadata.labels).toMatchObject(selector.matchLabels);
      const ports = spec.containers[0].ports.map(({ name }) => name);
      expect(ports).toContain(podMetricsEndpoints[0].port);
    }
  });

  test.each([
    ['nothing', [], ['Missing: The kinds', 'Note: image.registry is empty']],
    ['a registry', ['image.registry=r'], ['Missing: The kinds']],
    [
      'metrics that no Prometheus may read',
      ['image.registry=r', 'podMonitor.enabled=true'],
      ['Missing: The kinds', 'Note: podMonitor.enabled is true and networkPolicy.metricsFrom is'],
    ],
    [
      'metrics that one may read',
      [
        'image.registry=r',
        'podMonitor.enabled=true',
        'networkPolicy.metricsFrom[0].podSelector.a=b',
      ],
      ['Missing: The kinds'],
    ],
    [
      'open listeners',
      ['image.registry=r', 'podMonitor.enabled=true', 'networkPolicy.enabled=false'],
      ['Missing: The kinds', 'Note: networkPolicy.enabled is false'],
    ],
  ])('say what is missing and what is to be known: %s', async (_, values, lines) => {
    const sets = values.flatMap((value) => ['--set', value]);
    const chart = join(CHARTS, 'clawgym');
    const text = await helm.run(['install', 'clawgym', chart, '--dry-run=client', ...sets]);
    const said = [...text.matchAll(/^(?:Missing|Note): .*$/gm)].map(([line]) => line);
    expect(said).toHaveLength(lines.length);
    for (const [index, line] of lines.entries()) expect(said[index]).toContain(line);
  });

  test('render kinds that the API knows, field by field', async () => {
    const objects = await helm.template('clawgym-crds');
    expect(objects.map(({ kind }) => kind).toSorted()).toEqual([
      ...['ClusterRole', 'ClusterRole', 'ClusterRole'],
      ...Object.keys(KINDS).map(() => 'CustomResourceDefinition'),
    ]);
    expect(objects.flatMap(strictProblems)).toEqual([]);
  });

  test('keep the kinds on uninstall unless told otherwise', async () => {
    const kept = async (args: readonly string[]): Promise<number> => {
      const objects = await helm.template('clawgym-crds', args);
      return objects.filter(({ metadata }) =>
        JSON.stringify(metadata['annotations'])?.includes('"helm.sh/resource-policy":"keep"'),
      ).length;
    };
    expect(await kept([])).toBe(Object.keys(KINDS).length);
    expect(await kept(['--set', 'keep=false'])).toBe(0);
  });

  test('take every image from the registry that is named', async () => {
    const args = ['--set', 'image.registry=registry.example/gym/,image.tag=v7'];
    const digest = ['--set', `images.runner.digest=${DIGEST},images.pi.tag=v8`];
    const images = imagesOf(await helm.template('clawgym', [...args, ...digest]));
    expect(new Set(images)).toEqual(
      new Set([
        'registry.example/gym/clawgym-operator:v7',
        'registry.example/gym/clawgym-server:v7',
        `registry.example/gym/clawgym-runner@${DIGEST}`,
        'registry.example/gym/clawgym-agent-pi:v8',
        'registry.example/gym/clawgym-agent-openclaw:v7',
      ]),
    );
  });

  test('give sandbox pods the pull Secrets of the installation unless the defaults name some', async () => {
    const args = ['--set', 'image.pullSecrets={pull}'];
    const given = settingsOf(await helm.template('clawgym', args));
    expect(given.sandbox.imagePullSecrets).toEqual([{ name: 'pull' }]);
    const own = ['--set', 'sandbox.defaults.imagePullSecrets[0].name=mine'];
    const named = settingsOf(await helm.template('clawgym', [...args, ...own]));
    expect(named.sandbox.imagePullSecrets).toEqual([{ name: 'mine' }]);
  });

  test('make nothing cluster-wide for namespaces, and no role beyond those listed', async () => {
    const objects = await helm.template('clawgym', [
      ...['--namespace', 'gym', '--set', 'namespaces={team-a,team-b}'],
    ]);
    expect(objects.filter(({ metadata }) => metadata.namespace === undefined)).toEqual([]);
    const places = objects
      .filter(({ kind }) => kind === 'Role')
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    expect(places.toSorted()).toEqual([
      'gym/clawgym-operator',
      'gym/clawgym-server',
      'team-a/clawgym-operator-runs',
      'team-a/clawgym-server-runs',
      'team-b/clawgym-operator-runs',
      'team-b/clawgym-server-runs',
    ]);
  });

  test('give nobody Secrets of the whole cluster, nor a list of them', async () => {
    const zRules = z.object({
      rules: z.array(z.object({ resources: z.array(z.string()), verbs: z.array(z.string()) })),
    });
    const objects = await helm.template('clawgym', ['--set', 'scope=cluster']);
    const rules = (kinds: readonly string[]) =>
      objects
        .filter(({ kind }) => kinds.includes(kind))
        .flatMap((role) => zRules.parse(role).rules)
        .filter(({ resources }) => resources.includes('secrets'));
    expect(rules(['ClusterRole'])).toEqual([]);
    expect(new Set(rules(['Role']).flatMap(({ verbs }) => verbs))).toEqual(
      new Set(['get', 'update', 'patch']),
    );
  });

  test.each([
    ['the whole cluster', ['scope=cluster'], true],
    ['the whole cluster, switched off', ['scope=cluster,server.accessReviews=false'], false],
    ['namespaces', ['scope=namespace'], false],
  ])('let the server ask about people only where it may: %s', async (_, values, may) => {
    const objects = await helm.template('clawgym', ['--set', ...values]);
    expect(readServerConfig(argsOf(objects, 'StatefulSet')).accessReviews).toBe(may);
    const roles = objects.filter(({ kind }) => ['Role', 'ClusterRole'].includes(kind));
    expect(JSON.stringify(roles).includes('"clawgym-server-reader"')).toBe(may);
    const asked = ['tokenreviews', 'subjectaccessreviews'].filter((resource) =>
      JSON.stringify(roles).includes(`"${resource}"`),
    );
    expect(asked).toHaveLength(may ? 2 : 0);
  });

  test("cover every kind in the operator's role", async () => {
    const objects = await helm.template('clawgym');
    const role = JSON.stringify(
      objects.find(
        ({ kind, metadata }) => kind === 'Role' && metadata.name.endsWith('operator-runs'),
      ),
    );
    for (const { plural, reconciled } of Object.values<Resource>(KINDS)) {
      // What is only read has no status, and is read where it is not cluster-wide.
      if (reconciled === false) continue;
      for (const resource of [plural, `${plural}/status`, `${plural}/finalizers`]) {
        expect(role).toContain(`"${resource}"`);
      }
    }
  });

  test.each([
    ['scop=cluster', "additional properties 'scop' not allowed"],
    ['scope=galaxy', "value must be one of 'namespace', 'cluster'"],
    ['operator.replicas=many', 'got string, want integer'],
    ['images.pi.digest=latest', 'does not match pattern'],
    ['sandbox.defaults.resources.cpu=1', 'got number, want string'],
  ])('refuse the value %s', async (value, message) => {
    await expect(helm.template('clawgym', ['--set', value])).rejects.toThrow(message);
  });
});
