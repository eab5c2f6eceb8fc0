import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isCgroupV2 } from '../cluster/node/cgroups.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { nodeLayer } from '../support/pods/node-layer-bed.ts';
import { EAT_MEMORY } from '../support/pods/pod-manifest.ts';
import { containerOf, endOf, hasEnded, isRunning, type Pod } from '../support/pods/pod-status.ts';
import { rolloutJob } from '../support/pods/rollout-job.ts';
import { TestNamespace } from '../support/pods/test-namespace.ts';

/**
 * One Job with a rollout of each kind of end, as the product's own Jobs will be: what the Job makes
 * of it, and that the companion still has the workspace whatever became of the agent.
 */
const layer = nodeLayer();
const RETRIES = 1;
const WORK = 'echo done > /workspace/output';
const WORKED = 'worked';
const INDEX = {
  good: 0,
  nine: 1,
  memory: 2,
  toolMemory: 3,
  groupKill: 4,
  stageFails: 5,
  decided: 6,
} as const;
const AGENTS = [
  `${WORK}`,
  `${WORK}; exit 9`,
  `${WORK}; exec ${EAT_MEMORY}`,
  `${WORK}; ${EAT_MEMORY}; true`,
  `${WORK}; echo ${WORKED}; sleep 3600; true`,
  WORK,
  WORK,
];
const STAGE = `case $JOB_COMPLETION_INDEX in ${INDEX.stageFails}) exit 1 ;; ${INDEX.decided}) exit 42 ;; esac`;
const INDEX_LABEL = 'batch.kubernetes.io/job-completion-index';

const zJob = z.object({
  status: z.object({
    completedIndexes: z.string().default(''),
    failedIndexes: z.string().default(''),
    conditions: z.array(z.object({ type: z.string(), reason: z.string().optional() })).default([]),
  }),
});

let space: TestNamespace;
let pods: readonly (readonly Pod[])[];
let job: z.infer<typeof zJob>['status'];

beforeAll(async () => {
  space = await TestNamespace.create(layer, 'restricted');
  const body = rolloutJob({ agents: AGENTS, stage: STAGE, retries: RETRIES });
  await space.create('batch/v1', 'Job', 'rollouts', body);
  await killWhenRunning();
  await waitUntil(
    async () => {
      job = zJob.parse(await layer.api.get(space.path('jobs/rollouts', '/apis/batch/v1'))).status;
      return job.conditions.some(({ type }) => type === 'Failed');
    },
    { what: 'the Job has decided all indexes', seconds: 120 },
  );
  pods = await Promise.all(AGENTS.map((_, index) => podsOf(index)));
}, 240_000);

afterAll(async () => {
  await space?.[Symbol.asyncDispose]();
  await layer[Symbol.asyncDispose]();
});

function podsOf(index: number): Promise<readonly Pod[]> {
  return space.pods(`${INDEX_LABEL}=${index}`);
}

/** Does to one agent from outside what cgroup v2 does to it when one of its processes takes too much. */
async function killWhenRunning(): Promise<void> {
  let pod: Pod | undefined;
  await waitUntil(
    async () => {
      [pod] = await podsOf(INDEX.groupKill);
      if (pod === undefined || !isRunning(pod) || endOf(pod, 'agent') !== 'running') return false;
      return (await space.logs(pod.metadata.name, 'agent')).includes(WORKED);
    },
    { what: 'the agent that will be killed has worked', seconds: 90 },
  );
  const id = pod === undefined ? undefined : containerOf(pod, 'agent')?.containerID;
  await layer.node(pod?.spec.nodeName ?? '').killFirstProcess(id ?? '');
}

/** The only pod of an index. */
function only(index: number): Pod {
  const [pod, ...more] = pods[index] ?? [];
  if (pod === undefined || more.length > 0) throw new Error(`index ${index} has not one pod`);
  return pod;
}

test('the Job completes the good rollouts and fails the others, each on its own', () => {
  const toolKillEndsAgent = isCgroupV2();
  expect(job.completedIndexes).toBe(toolKillEndsAgent ? '0' : '0,3');
  expect(job.failedIndexes).toBe(toolKillEndsAgent ? '1-6' : '1,2,4-6');
  expect(job.conditions).toContainEqual({ type: 'Failed', reason: 'FailedIndexes' });
});

describe('an agent that ended decides its index at the first try', () => {
  test.each([
    ['exit 0', INDEX.good, '0 Completed', 'Succeeded'],
    ['exit 9', INDEX.nine, '9 Error', 'Failed'],
    ['out of memory', INDEX.memory, '137 OOMKilled', 'Failed'],
    ['killed as a group, as cgroup v2 does', INDEX.groupKill, '137 Error', 'Failed'],
  ])('%s', (_, index, end, phase) => {
    const pod = only(index);
    expect([endOf(pod, 'agent'), pod.status.phase]).toEqual([end, phase]);
  });

  test.runIf(!isCgroupV2())(
    'a tool out of memory leaves the agent alive with cgroup v1, and the reason says so',
    () => {
      const pod = only(INDEX.toolMemory);
      expect([endOf(pod, 'agent'), pod.status.phase]).toEqual(['0 OOMKilled', 'Succeeded']);
    },
  );
});

test.each(['good', 'nine', 'memory', 'toolMemory', 'groupKill'] as const)(
  'the companion still has the workspace of %s and ends well',
  async (name) => {
    const pod = only(INDEX[name]);
    expect(hasEnded(pod)).toBe(true);
    expect(endOf(pod, 'companion')).toBe('0 Completed');
    expect(await space.logs(pod.metadata.name, 'companion')).toBe('snapshot: input output\n');
  },
);

test('a stage that fails is retried, and the index fails when the retries are used up', () => {
  const tries = pods[INDEX.stageFails] ?? [];
  expect(tries.map((pod) => endOf(pod, 'stage'))).toEqual(
    Array.from({ length: RETRIES + 1 }, () => '1 Error'),
  );
});

test('a stage that finds its rollout decided fails the index without a retry', () => {
  expect(endOf(only(INDEX.decided), 'stage')).toBe('42 Error');
});
