import { z } from 'zod';
import { INDEX_ANNOTATION, LABELS } from '../../../src/protocol/pod-contract.ts';
import { type ContainerStatus, zPodStatus } from '../../../src/protocol/pod-object.ts';
import { zKubeObject } from '../../kube/objects/kube-object.ts';
import { defineResource } from '../../kube/objects/resource.ts';

/** A sandbox pod as the controllers see it. */
const zSandboxPod = zKubeObject.extend({
  spec: z.looseObject({ nodeName: z.string().optional() }).optional(),
  status: zPodStatus.optional(),
});
export type SandboxPod = z.infer<typeof zSandboxPod>;
type PodStatus = NonNullable<SandboxPod['status']>;

export const sandboxPods = defineResource({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
  schema: zSandboxPod,
});

const KEPT_CONDITIONS = new Set(['PodScheduled', 'DisruptionTarget']);

/** What is kept of a pod in memory: thousands live at a time, and most of a pod is its spec. */
export function podProjection(pod: SandboxPod): SandboxPod {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp } =
    pod.metadata;
  const { labels, annotations, ownerReferences } = pod.metadata;
  const grace = pod.metadata['deletionGracePeriodSeconds'];
  const index = annotations?.[INDEX_ANNOTATION];
  const nodeName = pod.spec?.nodeName;
  return {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      creationTimestamp,
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(typeof grace === 'number' ? { deletionGracePeriodSeconds: grace } : {}),
      ...(labels === undefined ? {} : { labels: keptLabels(labels) }),
      ...(index === undefined ? {} : { annotations: { [INDEX_ANNOTATION]: index } }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
    },
    ...(nodeName === undefined ? {} : { spec: { nodeName } }),
    ...(pod.status === undefined ? {} : { status: statusProjection(pod.status) }),
  };
}

/** Milliseconds since the epoch at which somebody asked for the deletion; the stamp is its end. */
export function deletionAskedAt({ metadata }: SandboxPod): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds: grace } = metadata;
  if (deletionTimestamp === undefined) return undefined;
  return Date.parse(deletionTimestamp) - (typeof grace === 'number' ? grace * 1000 : 0);
}

function keptLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const kept = [LABELS.batch, LABELS.phase, LABELS.generation, LABELS.training];
  return Object.fromEntries(kept.flatMap((key) => (labels[key] ? [[key, labels[key]]] : [])));
}

function statusProjection(status: PodStatus): PodStatus {
  const { phase, reason, message, conditions, initContainerStatuses, containerStatuses } = status;
  return {
    ...(phase === undefined ? {} : { phase }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    conditions: (conditions ?? []).filter(({ type }) => KEPT_CONDITIONS.has(type)),
    initContainerStatuses: (initContainerStatuses ?? []).map(containerProjection),
    containerStatuses: (containerStatuses ?? []).map(containerProjection),
  };
}

function containerProjection({ name, state, lastState }: ContainerStatus) {
  return {
    name,
    ...(state ? { state } : {}),
    // Of a container that is started again and again: how it ended before.
    ...(lastState?.terminated ? { lastState } : {}),
  };
}
