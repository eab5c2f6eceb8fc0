import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HARNESS_DIR, NODE_IN_SANDBOX } from '../../src/agents/harness-model.ts';
import { findRunnerRoot } from '../../src/engines/local/sandbox/runner-root.ts';
import { podAgentSpec } from '../../src/phases/agent-spec.ts';
import { GRADER_ARGV } from '../../src/phases/grade-programs.ts';
import { DEFAULT_GRADE_LIMITS, gradeSpec } from '../../src/phases/grade-spec.ts';
import { IMAGE_PATHS, SPEC_FILE } from '../../src/protocol/pod-contract.ts';
import { readVerdict } from '../../src/verifiers/verdict.ts';
import { clusterEnvironment } from '../cluster/cluster-environment.ts';
import { imageStatus } from '../cluster/images/build-images.ts';
import { IMAGE_NAMES, type ImageName } from '../cluster/images/image-names.ts';
import { imageSizes, readImagesPage } from '../cluster/images/images-page.ts';
import { ensureImages } from '../support/images.ts';
import { bareImagePod, imagePod, WORKSPACE } from '../support/pods/image-pod.ts';
import { nodeLayer } from '../support/pods/node-layer-bed.ts';
import { endOf, hasEnded } from '../support/pods/pod-status.ts';
import { TestNamespace } from '../support/pods/test-namespace.ts';

/** The images in pods as sandboxes are: `restricted`, uid 65534, a root file system that is read-only. */
const layer = nodeLayer();
const REPORT = '/run/clawgym/report';
const VERDICT = '/verdict';
const AGENT = [
  '/usr/bin/python3',
  '-I',
  '-S',
  '-B',
  IMAGE_PATHS.agentInit,
  `${REPORT}/${SPEC_FILE}`,
];
/** What Debian's updates may change. */
const SIZE_NOISE = 0.25;
const NONCE = '0123456789abcdef';
const TOOLS = 'bash curl git jq make openssl ps python python3 ruby sqlite3 unzip zip';
const IMPORTS = 'import cryptography, pytest, sqlite3, ssl, tomllib, yaml, zoneinfo';

let space: TestNamespace;

beforeAll(async () => {
  await ensureImages(layer, IMAGE_NAMES);
  space = await TestNamespace.create(layer, 'restricted');
}, 900_000);

afterAll(async () => {
  await space?.[Symbol.asyncDispose]();
  await layer[Symbol.asyncDispose]();
});

/** What a shell line prints as the agent of a pod, and how the container ended. */
async function asAgent(image: ImageName, line: string, memory = '256Mi') {
  const plan = { kind: 'process', files: [], mounts: [], env: {}, memoryMiB: 0 } as const;
  const spec = podAgentSpec({
    plan: { ...plan, commands: [{ argv: ['bash', '-c', line] }] },
    workspacePath: WORKSPACE,
    deadlineSeconds: 60,
    memoryMiB: 1024,
    workspaceMiB: 64,
    workspaceEntries: 1000,
    tmpMiB: 64,
    nonce: NONCE,
  });
  const pod = imagePod({
    image,
    command: AGENT,
    memory,
    volumes: [WORKSPACE, REPORT, '/tmp'],
    files: { [`${REPORT}/${SPEC_FILE}`]: JSON.stringify(spec) },
    keep: [`${REPORT}/stdout`, `${REPORT}/stderr`],
  });
  return await run(`agent-${image}-${crypto.randomUUID().slice(0, 5)}`, pod);
}

async function run(name: string, pod: object) {
  await space.pod(name, pod);
  const ended = await space.waitFor(name, hasEnded, 90);
  const printed = await space.logs(name, 'keeper');
  return { printed: printed.trim(), end: endOf(ended, 'main'), log: await space.logs(name) };
}

describe('the runner image', () => {
  test('has what agents and verifiers use, for a user that owns nothing', async () => {
    const lines = [
      'id -u; pwd; touch made && echo written; touch /made 2>/dev/null || echo read-only',
      `for tool in ${TOOLS}; do command -v $tool > /dev/null || echo lacks $tool; done`,
      `python3 -c '${IMPORTS}, sys; print(sys.version_info[:2])'`,
      `${IMAGE_PATHS.node} --version | cut -d. -f1; readlink -f ${IMAGE_PATHS.node}`,
      'cat /opt/clawgym/root-digest; find / -xdev -perm /6000 -type f 2>/dev/null | wc -l',
    ];
    const { cacheDir } = clusterEnvironment();
    const root = await findRunnerRoot(cacheDir, process.arch);
    const { printed, end } = await asAgent('runner', lines.join('; '));
    expect(end).toBe('0 Completed');
    expect(printed.split('\n').slice(0, 8)).toEqual([
      ...['65534', WORKSPACE, 'written', 'read-only', '(3, 13)', 'v24', NODE_IN_SANDBOX],
      root?.identity,
    ]);
  }, 120_000);

  test('grades: the grader is compiled, and a verifier scores a workspace', async () => {
    const verifier = {
      dialect: 'check-json' as const,
      entry: 'check.py',
      files: [],
      env: {},
      agentCode: 'none' as const,
    };
    const spec = gradeSpec({
      verifier,
      workspacePath: WORKSPACE,
      payload: { task_id: 't', user_query: '', metadata: {}, final_message: '', transcript: [] },
      timeoutSeconds: 20,
      limits: DEFAULT_GRADE_LIMITS,
      nonce: NONCE,
    });
    const check = 'import json, sys\nprint(json.dumps({"there": 1.0}))\n';
    const pod = imagePod({
      image: 'runner',
      command: [...GRADER_ARGV],
      volumes: [WORKSPACE, '/verifier', VERDICT, '/tmp'],
      files: {
        [`${VERDICT}/${SPEC_FILE}`]: JSON.stringify(spec),
        '/verifier/check.py': check,
      },
      keep: [`${VERDICT}/verdict.json`],
    });
    const { printed, end, log } = await run('grade', pod);
    expect({ end, log }).toEqual({ end: '0 Completed', log: '' });
    expect(readVerdict(printed, NONCE)).toMatchObject({
      verdict: { checks: [{ name: 'there', value: 1 }] },
    });
    const compiled = await asAgent('runner', `ls ${IMAGE_PATHS.grader}/__pycache__ | wc -l`);
    expect(Number(compiled.printed)).toBeGreaterThan(5);
  }, 120_000);

  test('starts the trusted program, which says what it misses', async () => {
    const pod = imagePod({
      image: 'runner',
      command: [IMAGE_PATHS.node, IMAGE_PATHS.phase, 'stage'],
      volumes: ['/clawgym/state'],
      files: {},
      keep: [],
    });
    const { end, log } = await run('phase', pod);
    expect(end).toBe('1 Error');
    expect(log).toContain('CLAWGYM_');
  }, 120_000);
});

describe('the agent images', () => {
  const PACKAGES = `${HARNESS_DIR}/node_modules`;
  test.each([
    ['agent-pi', '', `${PACKAGES}/@earendil-works/pi-coding-agent`, 'dist/bundle/cli.js'],
    ['agent-openclaw', '--liftoff-only', `${PACKAGES}/openclaw`, 'openclaw.mjs'],
  ] as const)(
    '%s starts its harness',
    async (image, flags, folder, entry) => {
      const version = `${NODE_IN_SANDBOX} -p "require('${folder}/package.json').version"`;
      const start = `HOME=/tmp NODE_DISABLE_COMPILE_CACHE=1 ${NODE_IN_SANDBOX} ${flags} ${folder}/${entry} --version`;
      const { printed, end } = await asAgent(image, `${version}; ${start}`, '768Mi');
      const [locked = 'none', ...said] = printed.split('\n');
      expect({ end, said: said.join(' ') }).toEqual({
        end: '0 Completed',
        said: expect.stringContaining(locked),
      });
    },
    120_000,
  );
});

describe.each(['operator', 'server'] as const)('the %s image', (image) => {
  async function start(name: string, fields: object) {
    await space.pod(name, bareImagePod(image, fields));
    return endOf(await space.waitFor(name, hasEnded, 60), 'main');
  }

  test('starts its program and nothing else: there is no shell', async () => {
    expect(await start(image, { args: ['--help'] })).toBe('0 Completed');
    expect(await space.logs(image)).toContain(`clawgym-${image}`);
    expect(await start(`${image}-shell`, { command: ['/bin/sh'] })).toContain('StartError');
  }, 120_000);
});

test('the images are about as large as their page says', async () => {
  const page = readImagesPage(readFileSync('docs/reference/images.md', 'utf8'));
  const images = await imageStatus(IMAGE_NAMES, clusterEnvironment());
  const built = images.flatMap(({ name, image }) =>
    image === undefined ? [] : { ...image, name },
  );
  const relative = imageSizes(built).map(({ name, megabytes }) => [
    name,
    Math.abs(megabytes / (page.get(name) ?? 0) - 1) <= SIZE_NOISE,
  ]);
  expect(relative).toEqual(IMAGE_NAMES.map((name) => [name, true]));
});
