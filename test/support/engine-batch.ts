import type { AgentPlan, PreparedAgent } from '../../src/agents/agent.ts';
import { asBatchId, asRolloutId } from '../../src/base/brand.ts';
import { sha256 } from '../../src/base/digest.ts';
import type { BatchPlan } from '../../src/engines/engine.ts';
import { DEFAULT_SNAPSHOT_CAPS } from '../../src/phases/snapshot-caps.ts';
import { zTask } from '../../src/tasks/task.ts';
import type { MemoryArtifacts } from './memory-artifacts.ts';

const file = { digest: sha256('print'), size: 5 };
const task = zTask.parse({
  schema: 'clawgym.task/v1',
  id: 't',
  instruction: { turns: [{ text: 'Do it.' }] },
  workspace: { path: '/ws', inputs: [] },
  verifier: {
    dialect: 'check-json',
    entry: 'check.py',
    files: [{ path: 'check.py', ...file }],
    agentCode: 'none',
  },
});

/** The one rollout of `engineBatch`. */
export const ENGINE_ROLLOUT = asRolloutId('b/t/0');

/** A batch of one task and one rollout, for engines whose sandbox is a fake; its agent has the plan. */
export function engineBatch(plan: AgentPlan, blobs: MemoryArtifacts): BatchPlan {
  const agent: PreparedAgent = {
    name: 'test',
    version: '1',
    programMiB: () => 0,
    configDigest: sha256('config'),
    unsuited: () => undefined,
    plan: () => Promise.resolve(plan),
  };
  const digest = sha256('set');
  return {
    batch: {
      id: asBatchId('b'),
      owner: { kind: 'BenchRun', name: 'b', arm: 'a' },
      taskSet: digest,
      specDigest: digest,
      spec: '{}',
      createdAt: 0,
    },
    rollouts: [{ id: ENGINE_ROLLOUT, taskId: 't', taskDigest: sha256('task'), sample: 0 }],
    taskSet: { digest, tasks: [{ task, digest: sha256('task') }], blobs },
    agent,
    model: undefined,
    settings: {
      retries: { infraRetries: 2, disruptionLimit: 3 },
      budgets: {},
      timeoutPercent: 100,
      limits: { cpuMillis: 1000, memoryMiB: 64, diskMiB: 16, pids: 16 },
      snapshot: DEFAULT_SNAPSHOT_CAPS,
      gatewayLossSeconds: 1,
      score: 'native',
    },
  };
}
