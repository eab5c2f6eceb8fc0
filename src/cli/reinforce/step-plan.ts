import type { PreparedAgent } from '../../agents/agent.ts';
import { asBatchId, type Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { sha256 } from '../../base/digest.ts';
import type { BatchPlan } from '../../engines/engine.ts';
import type { FixedSampling } from '../../gateway/chat-request.ts';
import type { BatchSettings } from '../../server/planning/batch-settings.ts';
import { planRefusal, planRollouts } from '../../server/planning/plan-rollouts.ts';
import type { TaskSet } from '../../tasks/task-set.ts';
import type { WantedBatch } from '../../training/rl/rl-run.ts';

/** What all batches of a reinforcement run share. */
export interface StepPlanFacts {
  readonly run: string;
  readonly agent: PreparedAgent;
  readonly settings: BatchSettings;
  readonly model: {
    /** The name that agents ask for. */
    readonly name: string;
    readonly base: Sha256;
    /** Key of the upstream in the engine's set. */
    readonly upstream: string;
    readonly sampling: FixedSampling;
  };
  /** Of the training and of the evaluation. */
  readonly taskSet: TaskSet;
  readonly evaluationTasks: TaskSet;
}

/** A wanted batch as the engine runs it: the same facts always give the same plan. */
export function stepPlan(wanted: WantedBatch, facts: StepPlanFacts, now: number): BatchPlan {
  const { agent, settings, model, run } = facts;
  const whole = wanted.kind === 'step' ? facts.taskSet : facts.evaluationTasks;
  const byId = new Map(whole.tasks.map((entry) => [entry.task.id, entry]));
  const tasks = wanted.tasks.flatMap((id) => byId.get(id) ?? []);
  const id = asBatchId(wanted.name);
  const { retries: _retries, ...deciding } = settings;
  const spec = canonicalJson({
    agent: { name: agent.name, version: agent.version, configDigest: agent.configDigest },
    model: {
      ...{ name: model.name, source: 'policy', base: model.base, capture: 'tokens' },
      policyVersion: wanted.policyVersion,
      sampling: model.sampling,
    },
    samples: wanted.samples,
    settings: deciding,
    taskSet: whole.digest,
    taskIds: wanted.tasks,
  });
  return {
    batch: {
      id,
      owner: { kind: 'TrainingRun', name: run, arm: `${wanted.kind}-${wanted.step}` },
      taskSet: whole.digest,
      specDigest: sha256(spec),
      spec,
      createdAt: now,
    },
    rollouts: planRollouts(id, tasks, wanted.samples, (task) => planRefusal(task, agent)),
    taskSet: { ...whole, tasks },
    agent,
    model: { name: model.name, upstream: model.upstream, sampling: model.sampling },
    settings,
  };
}
