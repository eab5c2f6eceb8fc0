import type { ObjectMeta } from '../../../operator/kube/objects/kube-object.ts';

/**
 * The parts of Kubernetes objects that the builders write: a field that is not here is one that no
 * pod of ours has. Types and not interfaces, so that they fit the loose objects of the typed client.
 */
export type Volume = {
  name: string;
  emptyDir?: { sizeLimit: string; medium?: 'Memory' };
  persistentVolumeClaim?: { claimName: string; readOnly: true };
  projected?: {
    defaultMode: number;
    sources: {
      serviceAccountToken: { audience: string; expirationSeconds: number; path: string };
    }[];
  };
};

export type VolumeMount = {
  name: string;
  mountPath: string;
  readOnly?: true;
  recursiveReadOnly?: 'IfPossible';
};

export type EnvVar =
  | { name: string; value: string }
  | { name: string; valueFrom: { fieldRef: { fieldPath: string } } };

export type ResourceList = { cpu: string; memory: string; 'ephemeral-storage': string };

export type Container = {
  name: string;
  image: string;
  imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** `Always` on an init container makes it a sidecar. */
  restartPolicy?: 'Always';
  command: string[];
  workingDir: string;
  env: EnvVar[];
  volumeMounts: VolumeMount[];
  resources: { requests: ResourceList; limits: ResourceList };
  securityContext: {
    allowPrivilegeEscalation: false;
    readOnlyRootFilesystem: true;
    capabilities: { drop: string[] };
  };
  startupProbe?: {
    exec: { command: string[] };
    periodSeconds: number;
    timeoutSeconds: number;
    failureThreshold: number;
  };
  terminationMessagePolicy?: 'FallbackToLogsOnError';
};

export type Toleration = {
  key?: string | undefined;
  operator?: 'Equal' | 'Exists' | undefined;
  value?: string | undefined;
  effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute' | undefined;
  tolerationSeconds?: number | undefined;
};

export type PodSpec = {
  restartPolicy: 'Never';
  serviceAccountName: string;
  automountServiceAccountToken: false;
  enableServiceLinks: false;
  shareProcessNamespace: false;
  hostnameOverride?: string;
  hostAliases: { ip: string; hostnames: string[] }[];
  dnsPolicy: 'None';
  dnsConfig: { nameservers: string[]; options: { name: string; value: string }[] };
  activeDeadlineSeconds: number;
  terminationGracePeriodSeconds: number;
  hostUsers?: false;
  securityContext: {
    runAsNonRoot: true;
    runAsUser: number;
    runAsGroup: number;
    fsGroup: number;
    supplementalGroupsPolicy?: 'Strict';
    seccompProfile: { type: 'RuntimeDefault' };
    appArmorProfile?: { type: 'RuntimeDefault' };
  };
  initContainers?: Container[];
  containers: Container[];
  volumes: Volume[];
  nodeSelector?: Record<string, string>;
  tolerations?: Toleration[];
  priorityClassName?: string;
  runtimeClassName?: string;
  imagePullSecrets?: { name: string }[];
};

export type PodTemplate = {
  metadata: { labels: Record<string, string>; annotations?: Record<string, string> };
  spec: PodSpec;
};

export type Pod = { apiVersion: 'v1'; kind: 'Pod'; metadata: ObjectMeta; spec: PodSpec };

export type PodFailureRule =
  | { action: 'Ignore'; onPodConditions: { type: 'DisruptionTarget'; status: 'True' }[] }
  | {
      action: 'Ignore' | 'FailIndex';
      onExitCodes: { containerName: string; operator: 'In' | 'NotIn'; values: number[] };
    };

export type Job = {
  apiVersion: 'batch/v1';
  kind: 'Job';
  metadata: ObjectMeta;
  spec: {
    completionMode: 'Indexed';
    completions: number;
    parallelism: number;
    backoffLimitPerIndex: number;
    maxFailedIndexes: number;
    podReplacementPolicy: 'Failed';
    podFailurePolicy: { rules: PodFailureRule[] };
    template: PodTemplate;
  };
};

export type ServiceAccount = {
  apiVersion: 'v1';
  kind: 'ServiceAccount';
  metadata: ObjectMeta;
  automountServiceAccountToken: false;
};

export type NetworkPolicy = {
  apiVersion: 'networking.k8s.io/v1';
  kind: 'NetworkPolicy';
  metadata: ObjectMeta;
  spec: {
    podSelector: { matchLabels: Record<string, string> };
    policyTypes: ('Ingress' | 'Egress')[];
    egress?: {
      to: {
        namespaceSelector: { matchLabels: Record<string, string> };
        podSelector: { matchLabels: Record<string, string> };
      }[];
      ports: { protocol: 'TCP'; port: number }[];
    }[];
  };
};
