import { asBatchId } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { sha256 } from '../base/digest.ts';
import type { BatchPlan } from '../engines/engine.ts';
import type { BatchSettings } from '../server/planning/batch-settings.ts';
import { planRefusal, planRollouts } from '../server/planning/plan-rollouts.ts';
import type { TaskSet } from '../tasks/task-set.ts';
import type { PreparedArm } from './prepare-arms.ts';
import type { RunRequest } from './run-request.ts';

/**
 * One batch an arm. Its id comes from names, so that the same command finds its earlier batch; its
 * spec digest from everything that decides results, so that another command cannot continue it.
 */
export function batchPlans(
  request: RunRequest,
  arms: readonly PreparedArm[],
  taskSet: TaskSet,
  now: number,
): readonly BatchPlan[] {
  return arms.map((arm) => batchPlan(request, arm, taskSet, now));
}

function batchPlan(
  request: RunRequest,
  { request: arm, agent, recording, endpoint, served }: PreparedArm,
  taskSet: TaskSet,
  now: number,
): BatchPlan {
  const settings: BatchSettings = { ...request.settings, budgets: arm.budgets };
  const id = asBatchId(`${request.name}-${arm.name}`);
  const { retries: _retries, ...deciding } = settings;
  const spec = canonicalJson({
    agent: { name: agent.name, version: agent.version, configDigest: agent.configDigest },
    model: arm.model && {
      name: arm.model.name,
      source: served === undefined ? arm.model.source.kind : 'artifact',
      recording,
      baseUrl: endpoint?.address,
      artifact: served?.digest,
      sampling: arm.model.sampling ?? {},
      ...(arm.model.capturesTokens === true && { capture: 'tokens' }),
    },
    // Also in the configuration digest, where a person could not read what differs.
    mounts: arm.mounts?.map(({ source, target }) => `${source}:${target}`),
    samples: request.samples,
    settings: deciding,
    taskSet: taskSet.digest,
    taskIds: request.tasks.ids,
  });
  return {
    batch: {
      id,
      owner: { kind: request.kind, name: request.name, arm: arm.name },
      taskSet: taskSet.digest,
      specDigest: sha256(spec),
      spec,
      createdAt: now,
    },
    rollouts: planRollouts(id, taskSet.tasks, request.samples, (task) => planRefusal(task, agent)),
    taskSet,
    agent,
    model: arm.model && {
      name: arm.model.name,
      upstream: arm.name,
      sampling: arm.model.sampling ?? {},
    },
    settings,
  };
}
