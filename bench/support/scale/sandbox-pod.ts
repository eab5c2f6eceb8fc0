import { z } from 'zod';
import { zKubeObject } from '../../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../../operator/kube/objects/resource.ts';
import { ENV, LABELS } from '../../../src/protocol/pod-contract.ts';

const zToken = z.looseObject({ audience: z.string(), expirationSeconds: z.number() });
const zVolume = z.looseObject({
  projected: z
    .looseObject({ sources: z.array(z.looseObject({ serviceAccountToken: zToken.optional() })) })
    .optional(),
});
const zEnv = z.looseObject({ name: z.string(), value: z.string().optional() });
const zContainer = z.looseObject({
  name: z.string(),
  image: z.string(),
  env: z.array(zEnv).optional(),
});

/** A sandbox pod as its kubelet and the programs in it see it. */
const zSandboxPod = zKubeObject.extend({
  spec: z.looseObject({
    serviceAccountName: z.string().optional(),
    volumes: z.array(zVolume).optional(),
    initContainers: z.array(zContainer).optional(),
    containers: z.array(zContainer).optional(),
  }),
  status: z.looseObject({ podIP: z.string().optional() }).optional(),
});
type SandboxPod = z.infer<typeof zSandboxPod>;

export const sandboxPods = defineResource({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
  schema: zSandboxPod,
});

/** What is kept of a pod, beside its name and uid. */
const KEPT = 'played';
const zNamed = z.object({ name: z.string(), image: z.string() });
const zPlayed = z.object({
  kind: z.enum(['rollout', 'verify']),
  /** Its kubelet has started it. */
  started: z.boolean(),
  deleted: z.boolean(),
  account: z.string(),
  audience: z.string(),
  tokenSeconds: z.number(),
  /** Certificates that its programs were given. */
  ca: z.string(),
  init: z.array(zNamed),
  main: z.array(zNamed),
});
export type Played = z.infer<typeof zPlayed>;

/** For a cache of thousands: the pod without all that the players do not need. */
export function playedPart(pod: SandboxPod): SandboxPod {
  const { name, namespace, uid, resourceVersion, labels } = pod.metadata;
  const { spec, status } = pod;
  const token = (spec.volumes ?? [])
    .flatMap(({ projected }) => projected?.sources ?? [])
    .find(({ serviceAccountToken }) => serviceAccountToken !== undefined)?.serviceAccountToken;
  const env = spec.initContainers?.[0]?.env ?? [];
  const named = (containers: typeof spec.containers = []) =>
    containers.map((container) => ({ name: container.name, image: container.image }));
  const played: Played = {
    kind: labels?.[LABELS.phase] === 'verify' ? 'verify' : 'rollout',
    started: status?.podIP !== undefined,
    deleted: pod.metadata.deletionTimestamp !== undefined,
    account: spec.serviceAccountName ?? '',
    audience: token?.audience ?? '',
    tokenSeconds: token?.expirationSeconds ?? 0,
    ca: env.find((variable) => variable.name === ENV.serverCa)?.value ?? '',
    init: named(spec.initContainers),
    main: named(spec.containers),
  };
  return {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: { name, namespace, uid, resourceVersion },
    spec: { [KEPT]: played },
  };
}

export function playedOf(pod: SandboxPod): Played {
  return zPlayed.parse(pod.spec[KEPT]);
}
