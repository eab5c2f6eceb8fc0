import { expect, test } from 'vitest';
import { finishTask } from '../finish-task.ts';
import { MemoryBlobs } from '../memory-blobs.ts';
import { draftOfHarbor, type HarborFolder } from './harbor-folder.ts';
import { DEFAULT_IMPORT_LIMITS } from './import-limits.ts';

const text = (content: string): Uint8Array => Buffer.from(content);
const TOML = `schema_version = "1.4"
[task]
name = "org/name"
[metadata]
category = "files"
[agent]
timeout_sec = 120.0
[environment]
cpus = 2
memory_mb = 1024
network_mode = "no-network"
[environment.env]
LEVEL = "\${LEVEL:-3}"
`;

function load(change: { toml?: string; add?: Record<string, string>; without?: string } = {}) {
  const files = Object.entries({
    'environment/Dockerfile': 'FROM debian:12\nWORKDIR /app\nRUN true\nWORKDIR /srv/app\n',
    'tests/test.sh': 'echo 1 > /logs/verifier/reward.txt\n',
    'solution/solve.sh': 'true\n',
    ...change.add,
  }).filter(([path]) => path !== change.without);
  const part = (name: string) =>
    files.flatMap(([path, content]) =>
      path.startsWith(`${name}/`)
        ? [{ path: path.slice(name.length + 1), content: text(content) }]
        : [],
    );
  const folder: HarborFolder = {
    name: 'my task',
    toml: text(change.toml ?? TOML),
    instruction: text('Write /srv/app/a.txt'),
    environment: part('environment'),
    tests: part('tests'),
    solution: part('solution'),
    hasSteps: files.some(([path]) => path.startsWith('steps/')),
  };
  const options = {
    limits: DEFAULT_IMPORT_LIMITS,
    scanAgentCode: () => 'none' as const,
    blobs: new MemoryBlobs(),
  };
  return finishTask(draftOfHarbor(folder, DEFAULT_IMPORT_LIMITS), options).task;
}

test.each([
  [
    'environment.workdir',
    `${TOML.replace('cpus = 2', 'cpus = 2\nworkdir = "/srv/x/"')}`,
    {},
    '/srv/x',
  ],
  ['WORKDIR', TOML, { 'environment/Dockerfile': 'FROM debian\nWORKDIR /srv/y/\n' }, '/srv/y'],
])('a slash at the end of %s does not matter', (_name, toml, add, path) => {
  expect(load({ toml, add }).workspace.path).toBe(path);
});

test('refuses a working folder of the sandbox by name', () => {
  const add = { 'environment/Dockerfile': 'FROM node\nWORKDIR /usr/src/app\n' };
  expect(() => load({ add })).toThrow('/usr/src/app: /usr belongs to the sandbox');
});

test('reads a task with a Dockerfile: to be built, working folder and limits known', () => {
  expect(load()).toMatchObject({
    id: 'my-task',
    category: 'files',
    workspace: { path: '/srv/app' },
    verifier: { dialect: 'harbor', entry: 'test.sh' },
    solution: { script: 'solve.sh' },
    environment: {
      network: 'none',
      needs: ['image-build'],
      limits: { cpuMillis: 2000, memoryMiB: 1024 },
      env: { LEVEL: '3' },
    },
    timeouts: { agentSeconds: 120, verifierSeconds: 600 },
  });
  expect(load().environment.image).toBeUndefined();
});

test.each(['1.0', '1.1', '1.2', '1.3', '1.4'])('reads schema %s', (version) => {
  expect(
    load({ toml: `schema_version = "${version}"\n[environment]\ndocker_image = "a:1"\n` })
      .environment.image,
  ).toBe('a:1');
});

test('older forms: version, allow_internet, memory as text', () => {
  const task = load({
    toml: 'version = "1.0"\n[environment]\nallow_internet = false\nmemory = "2G"\nstorage = "512M"\n',
  });
  expect(task.environment).toMatchObject({
    network: 'none',
    limits: { memoryMiB: 2048, diskMiB: 512 },
  });
});

test.each<[string, Parameters<typeof load>[0], string]>([
  [
    'compose',
    { add: { 'environment/docker-compose.yaml': '' } },
    'compose sidecars (environment/docker-compose.yaml)',
  ],
  ['steps folder', { add: { 'steps/one/x': '' } }, 'multi-step'],
  ['steps table', { toml: '[[steps]]\nname = "a"\n' }, 'steps (multi-step tasks)'],
  ['gpus', { toml: '[environment]\ngpus = 1\n' }, 'environment.gpus'],
  ['tpu', { toml: '[environment.tpu]\nkind = "v5"\n' }, 'environment.tpu'],
  ['windows', { toml: '[environment]\nos = "windows"\n' }, 'environment.os "windows"'],
  ['mcp', { toml: '[[environment.mcp_servers]]\nname = "a"\n' }, 'environment.mcp_servers'],
  [
    'healthcheck',
    { toml: '[environment.healthcheck]\ncommand = "a"\n' },
    'environment.healthcheck',
  ],
  ['skills', { toml: '[environment]\nskills_dir = "s"\n' }, 'environment.skills_dir'],
  [
    'verifier image',
    { toml: '[verifier.environment]\ndocker_image = "a"\n' },
    "an image of the verifier's own",
  ],
  ['collect hooks', { toml: '[[verifier.collect]]\ncommand = "a"\n' }, 'verifier.collect'],
  [
    'a verifier with a network',
    { toml: '[verifier]\nnetwork_mode = "public"\n' },
    'verifier.network_mode "public"',
  ],
  ['agent user', { toml: '[agent]\nuser = "root"\n' }, 'agent.user'],
  [
    'two at once',
    { toml: '[environment]\ngpus = 1\nskills_dir = "s"\n' },
    'environment.gpus, environment.skills_dir',
  ],
  [
    'windows verifier',
    { without: 'tests/test.sh', add: { 'tests/test.bat': '' } },
    'a Windows verifier',
  ],
  ['schema 2', { toml: 'schema_version = "2.0"\n' }, 'expected schema 1.0 to 1.4'],
  [
    'host variable',
    { toml: `[environment.env]\nKEY = "\${SECRET}"\n` },
    'task.toml.environment.env.KEY',
  ],
])('refuses %s by name', (_name, change, expected) => {
  expect(() => load(change)).toThrow(expect.objectContaining({ code: 'UnsupportedTask' }) as Error);
  expect(() => load(change)).toThrow(expected);
});

test.each<[string, Parameters<typeof load>[0], string]>([
  ['broken TOML', { toml: 'a = = b' }, 'expected TOML'],
  [
    'a text where a number is due',
    { toml: '[agent]\ntimeout_sec = "9"\n' },
    'task.toml.agent.timeout_sec: got "9"',
  ],
  ['no verifier', { without: 'tests/test.sh' }, 'tests/test.sh'],
  [
    'no image at all',
    { without: 'environment/Dockerfile' },
    'environment.docker_image in task.toml or environment/Dockerfile',
  ],
  ['an unknown network mode', { toml: '[environment]\nnetwork_mode = "vpn"\n' }, 'got "vpn"'],
])('reports %s', (_name, change, expected) => {
  expect(() => load(change)).toThrow(expect.objectContaining({ code: 'InvalidTask' }) as Error);
  expect(() => load(change)).toThrow(expected);
});
