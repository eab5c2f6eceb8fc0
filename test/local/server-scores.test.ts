import { chmodSync, createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isRecord, parseJson, type Sha256 } from '../../src/base/brand.ts';
import { REPORT_DIR } from '../../src/phases/agent-spec.ts';
import { GRADER_ARGV } from '../../src/phases/grade-programs.ts';
import { makeAccessible } from '../../src/phases/make-accessible.ts';
import { IMAGE_PATHS, SPEC_FILE } from '../../src/protocol/pod-contract.ts';
import { openFileArtifacts } from '../../src/store/file-artifacts.ts';
import { loadTaskSet } from '../../src/tasks/load-task-set.ts';
import { writeTaskSet } from '../../src/tasks/set/write-task-set.ts';
import { agentCodeScanner } from '../../src/verifiers/scan-agent-code.ts';
import { clawgym, EXAMPLES, resultsOf } from '../support/cli-process.ts';
import { aPlanBody } from '../support/cluster-batches.ts';
import { type ContainerOptions, runContainer } from '../support/pod-container.ts';
import { flatPrograms } from '../support/pod-containers.ts';
import { type PodPaths, ServerBed } from '../support/server-bed.ts';

const ARMS = ['nop', 'lazy', 'solution'] as const;
const { signal } = new AbortController();
const scratch = mkdtempSync(join(tmpdir(), 'clawgym-server-scores-'));

let bed: ServerBed;
let taskSet: Sha256;
beforeAll(async () => {
  bed = await ServerBed.start();
  // The sandbox's user looks into the volumes of the pods.
  chmodSync(bed.folder, 0o755);
  taskSet = await putExamples();
});
afterAll(async () => {
  await bed[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

/** The examples as a stored task set, as a first installation step would put them. */
async function putExamples(): Promise<Sha256> {
  const scan = {
    scanAgentCode: agentCodeScanner,
  };
  const { set } = await loadTaskSet(EXAMPLES, { ...scan, signal });
  const file = join(scratch, 'tasks.tar');
  const { digest, bytes } = await writeTaskSet(file, set.tasks, set.blobs, signal);
  const artifacts = await openFileArtifacts(join(bed.folder, 'data/artifacts'));
  await artifacts.putStream(createReadStream(file), { maxBytes: bytes });
  return digest;
}

/** The user of every container of a pod. */
const POD_USER = { uid: 65_534, gid: 65_534 };

/** The real wrapper over what `stage` laid out, as the pod's container starts it. */
async function agent(spec: Record<string, unknown>, paths: PodPaths): Promise<number> {
  for (const folder of [paths.workspace, paths.report]) makeAccessible(folder, POD_USER);
  const { agentInit } = IMAGE_PATHS;
  return await codeOf({
    argv: ['/usr/bin/python3', '-I', '-S', '-B', agentInit, `${REPORT_DIR}/${SPEC_FILE}`],
    mounts: [
      { source: flatPrograms(scratch, 'wrapper'), target: agentInit, mode: 'ro' },
      { source: paths.workspace, target: String(spec['cwd']), mode: 'rw' },
      { source: paths.report, target: REPORT_DIR, mode: 'rw' },
      { source: paths.agent, target: '/agent', mode: 'ro' },
    ],
  });
}

/** The real grader over what `fetch` laid out. */
async function grade(spec: Record<string, unknown>, paths: PodPaths): Promise<number> {
  for (const folder of [paths.workspace, paths.verdict]) makeAccessible(folder, POD_USER);
  return await codeOf({
    argv: GRADER_ARGV,
    mounts: [
      { source: flatPrograms(scratch, 'grader'), target: IMAGE_PATHS.grader, mode: 'ro' },
      { source: paths.workspace, target: String(spec['workspace']), mode: 'rw' },
      { source: paths.verifier, target: '/verifier', mode: 'ro' },
      { source: paths.verdict, target: '/verdict', mode: 'rw' },
    ],
  });
}

async function codeOf(container: ContainerOptions): Promise<number> {
  return (await runContainer(container)).code ?? 137;
}

it('gives every example the outcome, checks and scores of the local engine', async () => {
  const out = join(scratch, 'out');
  const local = await clawgym('bench', '--tasks', EXAMPLES, '--agent', ...ARMS, '--out', out);
  expect(local.stderr).toContain('scored');
  const operator = await bed.operator();
  const arms: { name: string; batchUid: string }[] = [];
  for (const [index, name] of ARMS.entries()) {
    const uid = `e0a1b2c3-0000-4000-8000-00000000000${index}`;
    const body = aPlanBody({ name, agent: { name }, spec: { tasks: { digest: taskSet } } });
    await operator.planBatch(
      uid,
      { ...body, source: { kind: 'digest', digest: taskSet } },
      { signal },
    );
    await bed.drive(uid, { agent, grade });
    arms.push({ name, batchUid: uid });
  }
  const bench = { namespace: 'team-a', name: 'bench', spec: {}, arms, createdAt: 0 };
  const answer = await operator.benchResults('bench-uid', bench, { signal });
  expect(answer.arms).toHaveLength(ARMS.length);
  const stored = await openFileArtifacts(join(bed.folder, 'data/artifacts'));
  const bytes = await stored.read(answer.results ?? taskSet);
  const remote = parseJson(Buffer.from(bytes).toString());
  expect(isRecord(remote) && comparable(remote['arms'])).toEqual(comparable(resultsOf(out).arms));
});

/** Everything of an arm but names of batches, times and tries. */
function comparable(arms: unknown): unknown {
  return JSON.parse(
    JSON.stringify(arms, (key, value: unknown) => (DIFFERENT.has(key) ? undefined : value)),
  );
}

const DIFFERENT: ReadonlySet<string> = new Set([
  'batch',
  'specDigest',
  'configDigest',
  'rollout',
  'seconds',
]);
