import { z } from 'zod';
import { LABELS, ROLES } from '../../../src/protocol/pod-contract.ts';
import type { ClusterApi, Manifest } from '../../../test/cluster/node/cluster-api.ts';
import type { RecordedClaims } from './claim-tape.ts';

const BUNDLE = '/bundle';
/** What the API server and the Job controller add to a Job that was sent without it. */
const ADDED = ['selector', 'manualSelector', 'suspend', 'ttlSecondsAfterFinished'] as const;
const ADDED_LABELS = /^(batch\.kubernetes\.io\/|controller-uid$|job-name$)/;

const zContainer = z.looseObject({
  name: z.string(),
  command: z.array(z.string()),
  volumeMounts: z.array(z.unknown()),
});
const zLabels = z.record(z.string(), z.string());
const zProductJob = z.object({
  metadata: z.looseObject({ name: z.string(), labels: zLabels }),
  spec: z.looseObject({
    template: z.looseObject({
      metadata: z.looseObject({ labels: zLabels }),
      spec: z.looseObject({
        initContainers: z.array(zContainer),
        containers: z.array(zContainer),
        volumes: z.array(z.unknown()),
      }),
    }),
  }),
});
const zJobs = z.object({ items: z.array(zProductJob) });
/** A Job that the operator made, as the API server keeps it. */
export type ProductJob = z.infer<typeof zProductJob>;

export type Phase = 'rollout' | 'verify';

/** One Job of each phase that the product has in this namespace now, as far as there are any. */
export async function productJobs(
  api: ClusterApi,
  namespace: string,
): Promise<ReadonlyMap<Phase, ProductJob>> {
  const list = await api.get(`/apis/batch/v1/namespaces/${namespace}/jobs`);
  const found = new Map<Phase, ProductJob>();
  for (const job of zJobs.parse(list).items) {
    const phase = job.metadata.labels[LABELS.phase];
    if (phase === 'rollout' || phase === 'verify') found.set(phase, job);
  }
  return found;
}

export interface BareJobRequest {
  readonly name: string;
  readonly namespace: string;
  readonly count: number;
  readonly parallelism: number;
  /** Name of a ConfigMap: `bundleOf`. */
  readonly bundle: string;
}

/**
 * The product's own Job without the product: the same template and the same policies, but the trusted
 * programs take their claims from a ConfigMap and print what they would tell a server.
 */
export function bareJob(job: ProductJob, request: BareJobRequest): Manifest {
  const { name, namespace, count, parallelism, bundle } = request;
  const { template, ...spec } = job.spec;
  const own = Object.entries(spec).filter(([field]) => !ADDED.some((added) => added === field));
  const labels = Object.entries(template.metadata.labels);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace },
    spec: {
      ...Object.fromEntries(own),
      completions: count,
      maxFailedIndexes: count,
      parallelism,
      template: {
        metadata: {
          labels: Object.fromEntries(labels.filter(([label]) => !ADDED_LABELS.test(label))),
        },
        spec: {
          ...template.spec,
          initContainers: template.spec.initContainers.map(standalone),
          volumes: [...template.spec.volumes, { name: 'bundle', configMap: { name: bundle } }],
        },
      },
    },
  };
}

/** Init containers are the trusted ones, in both kinds of pods. */
function standalone(container: z.infer<typeof zContainer>): object {
  const role = ROLES.find((known) => known === container.name);
  if (role === undefined || container.command.at(-1) !== role)
    throw new Error(`${container.name} is no trusted container`);
  const mount = { name: 'bundle', mountPath: BUNDLE, readOnly: true };
  return {
    ...container,
    command: [...container.command.slice(0, -1), '--standalone', role, BUNDLE],
    volumeMounts: [...container.volumeMounts, mount],
  };
}

/** ConfigMap with the files that the programs read in place of a server's answers. */
export function bundleOf(name: string, namespace: string, claims: RecordedClaims): Manifest {
  const files = [...claims.files].map(([file, bytes]) => [file, bytes.toString('base64')] as const);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace },
    binaryData: Object.fromEntries(files),
  };
}
