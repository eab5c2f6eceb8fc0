import type { ObjectMeta } from '../../../operator/kube/objects/kube-object.ts';
import type { Container, NetworkPolicy, PodSpec } from './kube-types.ts';

/** Parts of the objects of a TrainingRun that sandboxes have not, or otherwise. */
export type TrainerResources = {
  requests: Record<string, string>;
  limits: Record<string, string>;
};

/** Without a command: the image's own. */
export type TrainerContainer = Omit<Container, 'command' | 'resources'> & {
  command?: string[];
  resources: TrainerResources;
};

export type TrainerVolume =
  | { name: string; emptyDir: { sizeLimit?: string; medium?: 'Memory' } }
  | {
      name: string;
      projected: {
        defaultMode: number;
        sources: {
          serviceAccountToken: { audience: string; expirationSeconds: number; path: string };
        }[];
      };
    };

export type TrainerPodSpec = Omit<
  PodSpec,
  | 'initContainers'
  | 'containers'
  | 'volumes'
  | 'dnsPolicy'
  | 'dnsConfig'
  | 'activeDeadlineSeconds'
  | 'hostnameOverride'
> & {
  dnsPolicy: 'None' | 'ClusterFirst';
  dnsConfig?: PodSpec['dnsConfig'];
  /** Of the headless Service, for more than one node. */
  subdomain?: string;
  initContainers: TrainerContainer[];
  containers: TrainerContainer[];
  volumes: TrainerVolume[];
};

export type TrainerJob = {
  apiVersion: 'batch/v1';
  kind: 'Job';
  metadata: ObjectMeta;
  spec: {
    completionMode: 'Indexed';
    completions: number;
    parallelism: number;
    backoffLimit: number;
    podReplacementPolicy: 'Failed';
    podFailurePolicy: {
      rules: (
        | {
            action: 'FailJob';
            onPodConditions: { type: 'DisruptionTarget'; status: 'True' }[];
          }
        | {
            action: 'FailJob' | 'Ignore';
            onExitCodes: { containerName: string; operator: 'In' | 'NotIn'; values: number[] };
          }
      )[];
    };
    template: { metadata: { labels: Record<string, string> }; spec: TrainerPodSpec };
  };
};

export type HeadlessService = {
  apiVersion: 'v1';
  kind: 'Service';
  metadata: ObjectMeta;
  spec: {
    clusterIP: 'None';
    selector: Record<string, string>;
    /** The others are looked for before they are ready. */
    publishNotReadyAddresses: true;
    ports: { name: string; port: number }[];
  };
};

/** Lets the pods of one run talk to each other and ask for names. */
export type PeerPolicy = Omit<NetworkPolicy, 'spec'> & {
  spec: {
    podSelector: { matchLabels: Record<string, string> };
    policyTypes: ('Ingress' | 'Egress')[];
    ingress: { from: { podSelector: { matchLabels: Record<string, string> } }[] }[];
    egress: {
      to?: { podSelector: { matchLabels: Record<string, string> } }[];
      ports?: { protocol: 'UDP' | 'TCP'; port: number }[];
    }[];
  };
};
