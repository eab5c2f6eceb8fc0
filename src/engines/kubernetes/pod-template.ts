import { labelValue } from '../../../operator/kube/objects/labels.ts';
import { ClawError } from '../../base/error.ts';
import { LABELS, SANDBOX_SERVICE_ACCOUNT, SERVER_HOST } from '../../protocol/pod-contract.ts';
import { workspacePlaceProblem } from '../../tasks/workspace-place.ts';
import type { Container, PodSpec, PodTemplate, Volume } from './kube-types.ts';
import type { PodBatch, PodInstallation, SandboxJobRequest } from './settings.ts';

/** uid and gid of every container, and group of every volume. */
const NOBODY = 65_534;
const TOKEN_SECONDS = 3600;
/** Seconds by which the wrapper's own deadline comes before the pod's. */
const DEADLINE_MARGIN = 60;
const GRACE_BASE = 30;
/** The kubelet renews a token at 80 % of its life and not while it stops a pod. */
const UNRENEWED_PART = 0.2;
const UNRENEWED_MARGIN = 120;

/** Seconds that the trusted sidecar has after the end of the untrusted container. */
export function graceSeconds({ job: { shape } }: SandboxJobRequest): number {
  // A snapshot travels with 1 MiB a second at least; verify pods have none to send.
  const upload = shape.phase === 'rollout' ? shape.snapshotMiB : 0;
  return GRACE_BASE + shape.gatewayLossSeconds + upload;
}

/** A sidecar still needs its token in the last second of its grace. */
export function tokenSeconds(grace: number): number {
  return Math.max(TOKEN_SECONDS, Math.ceil((grace + UNRENEWED_MARGIN) / UNRENEWED_PART));
}

export interface PodContent {
  readonly initContainers: Container[];
  readonly containers: Container[];
  readonly volumes: Volume[];
}

/**
 * What rollout and verify pods have in common (design: cluster.md 7, rollouts.md 1 and 6). Throws
 * `InvalidTask` for a workspace that would lie over what runs or grades the agent; planning leaves
 * such tasks out.
 */
export function podTemplate(request: SandboxJobRequest, content: PodContent): PodTemplate {
  const { batch, job } = request;
  const problem = workspacePlaceProblem(job.shape.workspacePath);
  if (problem !== undefined) throw new ClawError('InvalidTask', problem);
  const { startDeadlineSeconds, claimWaitSeconds } = batch.spec;
  return {
    metadata: { labels: { [LABELS.sandbox]: 'true', ...sandboxLabels(request) } },
    spec: {
      ...commonSpec(request.installation),
      activeDeadlineSeconds:
        startDeadlineSeconds + claimWaitSeconds + job.shape.deadlineSeconds + DEADLINE_MARGIN,
      terminationGracePeriodSeconds: graceSeconds(request),
      ...content,
      ...placement(batch.spec.sandbox),
    },
  };
}

/** Of Jobs and their pods. */
export function sandboxLabels({ batch, job }: SandboxJobRequest): Record<string, string> {
  return {
    [LABELS.batch]: batch.metadata.uid ?? '',
    [LABELS.phase]: job.phase,
    [LABELS.generation]: String(job.generation),
    'app.kubernetes.io/name': 'clawgym-sandbox',
    'app.kubernetes.io/instance': labelValue(batch.metadata.name),
    'app.kubernetes.io/component': job.phase,
    'app.kubernetes.io/part-of': 'clawgym',
    'app.kubernetes.io/managed-by': 'clawgym-operator',
  };
}

/** What every pod with the sandbox label has, the preflight pod too. */
export function commonSpec({ server, features, settings: { hardening } }: PodInstallation) {
  return {
    restartPolicy: 'Never',
    serviceAccountName: SANDBOX_SERVICE_ACCOUNT,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    shareProcessNamespace: false,
    // The Job controller overwrites `hostname` by its own name and the index: an agent would see it.
    ...(features.hostnameOverride ? { hostnameOverride: 'sandbox' } : {}),
    hostAliases: [{ ip: server.clusterIP, hostnames: [SERVER_HOST] }],
    // Nothing listens there, so every look-up fails at once.
    dnsPolicy: 'None',
    dnsConfig: {
      nameservers: ['127.0.0.1'],
      options: [
        { name: 'timeout', value: '1' },
        { name: 'attempts', value: '1' },
      ],
    },
    ...(hardening.userNamespaces ? { hostUsers: false } : {}),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: NOBODY,
      runAsGroup: NOBODY,
      fsGroup: NOBODY,
      ...(hardening.strictGroups ? { supplementalGroupsPolicy: 'Strict' } : {}),
      seccompProfile: { type: 'RuntimeDefault' },
      ...(hardening.appArmor ? { appArmorProfile: { type: 'RuntimeDefault' } } : {}),
    },
  } as const satisfies Partial<PodSpec>;
}

type Placement = Pick<
  PodBatch['spec']['sandbox'],
  'nodeSelector' | 'tolerations' | 'priorityClassName' | 'runtimeClassName' | 'imagePullSecrets'
>;
type Placed = Partial<
  Pick<
    PodSpec,
    'nodeSelector' | 'tolerations' | 'priorityClassName' | 'runtimeClassName' | 'imagePullSecrets'
  >
>;

/** Where a run wants its pods. */
export function placement(sandbox: Placement): Placed {
  const { nodeSelector, tolerations, priorityClassName, runtimeClassName, imagePullSecrets } =
    sandbox;
  return {
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    ...(tolerations === undefined ? {} : { tolerations }),
    ...(priorityClassName === undefined ? {} : { priorityClassName }),
    ...(runtimeClassName === undefined ? {} : { runtimeClassName }),
    ...(imagePullSecrets === undefined ? {} : { imagePullSecrets }),
  };
}
