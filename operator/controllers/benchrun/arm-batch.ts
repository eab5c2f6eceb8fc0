import { GROUP } from '../../../src/api/group.ts';
import { canonicalJson } from '../../../src/base/canonical-json.ts';
import type { NewObject } from '../../kube/client/resource-client.ts';
import { labelValue } from '../../kube/objects/labels.ts';
import { controllerRef } from '../../kube/objects/owner-references.ts';
import { batchName } from '../shared/batch-name.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import type { Arm } from './arms.ts';
import type { BenchRun, BenchSpec } from './kinds.ts';

type BatchSpec = RolloutBatch['spec'];

/** Fields that may change while an arm runs; the bench's own values hold. */
const STEERED = [
  'parallelism',
  'startDeadlineSeconds',
  'suspend',
  'activeDeadlineSeconds',
] as const;
type Steered = (typeof STEERED)[number];

/** What the bench says of an arm at this moment. */
export interface Steering {
  readonly suspend: boolean;
  readonly parallelism: number | undefined;
  readonly activeDeadlineSeconds: number | undefined;
}

const ARM_LABEL = `${GROUP}/arm`;
const BENCH_LABEL = `${GROUP}/benchrun`;

export function armBatchName(bench: Pick<BenchRun, 'metadata'>, arm: string): string {
  return batchName(bench.metadata, arm);
}

/**
 * The RolloutBatch of an arm. It names no ttlSecondsAfterFinished: what the bench still has to read
 * must not go before the bench itself, whose deletion takes its batches along.
 *
 * @param taskSet Digest of the task set that another arm has frozen: every arm runs the same tasks.
 */
export function armBatch(
  bench: BenchRun,
  arm: Arm,
  taskSet: string | undefined,
  steering: Steering,
): NewObject<RolloutBatch> {
  const { spec } = bench;
  return {
    metadata: {
      name: armBatchName(bench, arm.name),
      namespace: bench.metadata.namespace,
      labels: {
        'app.kubernetes.io/part-of': 'clawgym',
        'app.kubernetes.io/managed-by': 'clawgym-operator',
        [BENCH_LABEL]: labelValue(bench.metadata.name),
        [ARM_LABEL]: arm.name,
      },
      ownerReferences: [controllerRef(bench)],
    },
    spec: {
      tasks: armTasks(spec.tasks, taskSet),
      agent: arm.agent,
      ...(arm.model === undefined ? {} : { model: arm.model }),
      samples: spec.attempts,
      budgets: arm.budgets ?? spec.budgets,
      limits: spec.limits,
      retries: spec.retries,
      verification: spec.verification,
      gatewayLossSeconds: spec.gatewayLossSeconds,
      claimWaitSeconds: spec.claimWaitSeconds,
      sandbox: spec.sandbox,
      ...steered(spec, steering),
    },
  };
}

/** The same tasks of the frozen set: `taskIds` narrows a set whether or not it was narrowed before. */
function armTasks(tasks: BenchSpec['tasks'], taskSet: string | undefined): BatchSpec['tasks'] {
  if (taskSet === undefined) return tasks;
  const { taskIds } = tasks;
  return { digest: taskSet, ...(taskIds === undefined ? {} : { taskIds }) };
}

function steered(spec: BenchSpec, steering: Steering): Pick<BatchSpec, Steered> {
  const { startDeadlineSeconds } = spec;
  const { suspend, parallelism, activeDeadlineSeconds } = steering;
  return {
    startDeadlineSeconds,
    suspend,
    ...(parallelism === undefined ? {} : { parallelism }),
    ...(activeDeadlineSeconds === undefined ? {} : { activeDeadlineSeconds }),
  };
}

/**
 * Body of the JSON merge patch that makes an arm's batch follow the bench, or undefined where it
 * does. A field that the bench does not have is null: it is removed.
 */
export function steeringPatch(
  batch: RolloutBatch,
  spec: BenchSpec,
  steering: Steering,
): Readonly<Record<string, unknown>> | undefined {
  const wanted = steered(spec, steering);
  const changes = STEERED.filter(
    (field) => canonicalJson(batch.spec[field] ?? null) !== canonicalJson(wanted[field] ?? null),
  );
  if (changes.length === 0) return undefined;
  return Object.fromEntries(changes.map((field) => [field, wanted[field] ?? null]));
}
