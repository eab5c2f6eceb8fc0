import type { KubeObject } from '../../../operator/kube/objects/kube-object.ts';
import { labelValue } from '../../../operator/kube/objects/labels.ts';
import type { TrainingRuntime } from '../../api/training-runtime.ts';
import type { TrainingSpec } from '../../api/training-spec.ts';
import { LABELS } from '../../protocol/pod-contract.ts';
import type { PodInstallation } from './settings.ts';

/** The part of a TrainingRun that its pods depend on. */
export type PodTrainingRun = KubeObject & {
  readonly spec: Pick<TrainingSpec, 'trainer' | 'checkpoint'>;
};

/** One start of the trainer of a run. */
export interface TrainerJobRequest {
  readonly run: PodTrainingRun;
  readonly runtime: TrainingRuntime['spec'];
  /** `trainerJobName` of that start. */
  readonly name: string;
  readonly installation: PodInstallation;
}

/** On the Jobs, pods, Service and policy of a run. */
export function trainerLabels({ metadata }: PodTrainingRun): Record<string, string> {
  return {
    [LABELS.training]: metadata.uid ?? '',
    'app.kubernetes.io/name': 'clawgym-trainer',
    'app.kubernetes.io/instance': labelValue(metadata.name),
    'app.kubernetes.io/part-of': 'clawgym',
    'app.kubernetes.io/managed-by': 'clawgym-operator',
  };
}
