import { LABELS } from '../../src/protocol/pod-contract.ts';
import type { PodReader, SandboxPod } from '../../src/server/identity/pods.ts';

export interface PodFields {
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly batch?: string;
  readonly jobName?: string;
  readonly jobUid?: string;
  readonly index?: string;
  readonly phase?: string;
  readonly deletionTimestamp?: string;
  readonly ownerKind?: string;
  readonly podIP?: string;
  /** Uid of a TrainingRun. */
  readonly run?: string;
}

export function aPod(fields: PodFields = {}): SandboxPod {
  const { namespace = 'team-a', name = 'pod-name', uid = 'pod-1', deletionTimestamp } = fields;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name,
      uid,
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      labels: {
        [LABELS.batch]: fields.batch ?? 'batch-1',
        ...(fields.run !== undefined && { [LABELS.training]: fields.run }),
      },
      annotations: { 'batch.kubernetes.io/job-completion-index': fields.index ?? '0' },
      ownerReferences: [
        {
          apiVersion: 'batch/v1',
          kind: fields.ownerKind ?? 'Job',
          name: fields.jobName ?? 'bench-12345-abc12-g1',
          uid: fields.jobUid ?? 'job-uid-1',
          controller: true,
        },
      ],
    },
    status: {
      phase: fields.phase ?? 'Running',
      ...(fields.podIP !== undefined && { podIP: fields.podIP }),
    },
  };
}

/** Pods of a cluster that a test fills. */
export class FakePods implements PodReader {
  readonly #pods = new Map<string, SandboxPod>();

  put(fields: PodFields = {}): void {
    const pod = aPod(fields);
    this.#pods.set(`${pod.metadata.namespace}/${pod.metadata.name}`, pod);
  }

  delete(namespace: string, name: string): void {
    this.#pods.delete(`${namespace}/${name}`);
  }

  async get(namespace: string, name: string): Promise<SandboxPod | undefined> {
    return await Promise.resolve(this.#pods.get(`${namespace}/${name}`));
  }
}
