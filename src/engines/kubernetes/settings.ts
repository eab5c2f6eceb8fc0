import { z } from 'zod';
import type { KubeObject } from '../../../operator/kube/objects/kube-object.ts';
import type { RolloutBatch } from '../../api/rollout-batch.ts';
import { sha256 } from '../../base/digest.ts';
import type { JobState } from '../../protocol/operator-api.ts';

const zReference = z.string().min(1).max(1024);

/** What an installation says about sandbox pods; the chart writes it, the operator reads it once. */
export const zPodSettings = z.strictObject({
  /** Image references by the names that shapes use. */
  images: z.strictObject({ pi: zReference, openclaw: zReference, runner: zReference }),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  /** CPU that an untrusted container requests, in percent of its limit. Agents mostly wait. */
  cpuRequestPercent: z.int().min(1).max(100).default(25),
  /** Of each trusted container. */
  trusted: z
    .strictObject({
      cpuRequestMillis: z.int().min(1).default(20),
      cpuMillis: z.int().min(1).default(1000),
      memoryMiB: z.int().min(16).default(192),
    })
    .prefault({}),
  /**
   * What makes the wall around a sandbox thicker where the nodes can do it. A node that cannot refuses the
   * pod or never starts it, and no right of the operator's shows it the nodes (docs/adr/0015).
   */
  hardening: z
    .strictObject({
      /** `hostUsers: false`: root in a pod would be nobody on its node. */
      userNamespaces: z.boolean().default(false),
      /** `supplementalGroupsPolicy: Strict`: no groups of the image's own `/etc/group`. */
      strictGroups: z.boolean().default(false),
      /** `appArmorProfile: RuntimeDefault`: nodes without AppArmor are refused. */
      appArmor: z.boolean().default(false),
    })
    .prefault({}),
  /** Where the pods of the sandbox listener are: the only thing that sandboxes reach. */
  server: z.strictObject({
    namespace: z.string().min(1),
    podLabels: z
      .record(z.string(), z.string())
      .refine((labels) => Object.keys(labels).length > 0, 'expected at least one label'),
  }),
});
export type PodSettings = z.infer<typeof zPodSettings>;

/** Address and certificates of the sandbox listener when a Job is made. */
export interface ServerAddress {
  /** ClusterIP of its Service. */
  readonly clusterIP: string;
  /** PEM, as ServerInfo.caBundle: the authority that signs now comes first. */
  readonly caBundle: string;
}

/** What the API server is new enough for. */
export interface ClusterFeatures {
  /** Pod field of 1.34 (alpha) and 1.35 (on): the Job controller overwrites `hostname`. */
  readonly hostnameOverride: boolean;
}

/** `GET /version`. */
export function clusterFeatures(version: { major: string; minor: string }): ClusterFeatures {
  const [major = 0, minor = 0] = [version.major, version.minor].map((text) =>
    Number.parseInt(text, 10),
  );
  return { hostnameOverride: major > 1 || minor >= 34 };
}

/** All that pods of a cluster have in common. */
export interface PodInstallation {
  readonly settings: PodSettings;
  readonly server: ServerAddress;
  readonly features: ClusterFeatures;
}

/** The part of a RolloutBatch that its pods depend on. */
export type PodBatch = KubeObject & {
  readonly spec: Pick<RolloutBatch['spec'], 'sandbox' | 'startDeadlineSeconds'> &
    Pick<RolloutBatch['spec'], 'claimWaitSeconds' | 'retries'>;
};

export interface SandboxJobRequest {
  readonly batch: PodBatch;
  readonly job: Pick<JobState, 'name' | 'phase' | 'generation' | 'shape' | 'length'>;
  readonly parallelism: number;
  readonly installation: PodInstallation;
}

/** Annotation of Jobs: what their pods know of the server, by `serverMark`. */
export const SERVER_MARK = 'clawgym.io/server';

/** Address and authorities that a Job's pods were given, in short and in their order. */
export function serverMark({ clusterIP, caBundle }: ServerAddress): string {
  const authorities = caBundle
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .filter((pem) => pem !== '');
  return [clusterIP, ...authorities.map((pem) => sha256(pem).slice(0, 16))].join(' ');
}

/**
 * True where pods of a Job with this mark find and trust the server of the mark `now`: it is where they
 * look for it, and they were given the authority that signs now, the first of its bundle. An authority
 * that is only announced, or has retired, ends no Job.
 */
export function markHolds(mark: string | undefined, now: string): boolean {
  const [address, ...authorities] = (mark ?? '').split(' ');
  const [addressNow, signer] = now.split(' ');
  return address === addressNow && signer !== undefined && authorities.includes(signer);
}
