import { GROUP } from '../../../../src/api/group.ts';
import type { WantedRlBatch } from '../../../../src/protocol/rl-api.ts';
import type { NewObject } from '../../../kube/client/resource-client.ts';
import { labelValue } from '../../../kube/objects/labels.ts';
import { controllerRef } from '../../../kube/objects/owner-references.ts';
import { batchName } from '../../shared/batch-name.ts';
import type { RolloutBatch, TrainingRun } from '../../shared/kinds.ts';

/** Name by which the agents of a run ask for its policy. */
export const MODEL_NAME = 'policy';
const ARM_LABEL = `${GROUP}/arm`;
const RUN_LABEL = `${GROUP}/trainingrun`;

export type RlOf = NonNullable<TrainingRun['spec']['rl']>;

export function stepBatchName(
  { metadata }: Pick<TrainingRun, 'metadata'>,
  { part }: Pick<WantedRlBatch, 'part'>,
): string {
  return batchName(metadata, part);
}

/**
 * The RolloutBatch that plays what a run wants: the tasks of a step, or of an evaluation, answered by one
 * policy version, which it names as a model by digest. It names no ttlSecondsAfterFinished: its rollouts
 * are read until the run is over, whose deletion takes it along.
 */
export function stepBatch(
  run: TrainingRun,
  rl: RlOf,
  wanted: WantedRlBatch,
): NewObject<RolloutBatch> {
  const { taskSet, taskIds, samples, model } = wanted;
  const { temperature, topP, maxTokens } = rl.sampling;
  const { runtimeRef } = run.spec;
  const { parallelism, agent, budgets, limits, retries, verification } = rl;
  return {
    metadata: {
      name: stepBatchName(run, wanted),
      namespace: run.metadata.namespace,
      labels: {
        'app.kubernetes.io/part-of': 'clawgym',
        'app.kubernetes.io/managed-by': 'clawgym-operator',
        [RUN_LABEL]: labelValue(run.metadata.name),
        [ARM_LABEL]: wanted.part,
      },
      ownerReferences: [controllerRef(run)],
    },
    spec: {
      tasks: { digest: taskSet, ...(taskIds === undefined ? {} : { taskIds }) },
      agent,
      model: {
        name: MODEL_NAME,
        artifact: `sha256:${model}`,
        capture: 'tokens',
        ...(runtimeRef === undefined ? {} : { runtimeRef }),
        sampling: { temperature, topP, ...(maxTokens === undefined ? {} : { maxTokens }) },
      },
      ...{ samples, budgets, limits, retries, verification },
      ...(parallelism === undefined ? {} : { parallelism }),
      ...DEFAULTS,
    },
  };
}

/** What a reinforcement run does not say; as a RolloutBatch that leaves it out. */
const DEFAULTS = {
  gatewayLossSeconds: 120,
  claimWaitSeconds: 120,
  startDeadlineSeconds: 600,
  suspend: false,
  sandbox: {},
};
