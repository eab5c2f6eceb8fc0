import { z } from 'zod';
import type { CircleSizes } from '../../scripts/full-circle/circle-manifests.ts';
import { type Kubectl, listed } from '../../scripts/full-circle/cluster/kubectl.ts';

/** Numbers of a circle with sixteen tasks to learn from and four others. */
export const SMALL: CircleSizes = {
  '00-practice.yaml': { target: 16 },
  '01-exam.yaml': { target: 4 },
  '20-sft.yaml': { maxSteps: 200 },
  '30-after-sft.yaml': { attempts: 2 },
  '40-rl.yaml': { steps: 3, perStep: 6, samples: 4 },
  '50-circle.yaml': { attempts: 3 },
};

/** Numbers of a circle with one task. */
export const TINY: CircleSizes = {
  '00-practice.yaml': { target: 1 },
  '20-sft.yaml': { maxSteps: 120, globalBatch: 2, microBatch: 2 },
  '30-after-sft.yaml': { attempts: 1 },
  '40-rl.yaml': { steps: 2, perStep: 1, samples: 4, microBatch: 4 },
  '50-circle.yaml': { attempts: 3 },
};

/** One task teaches nothing about others: without the exam, models are measured on what they learned. */
export function tinyText(name: string, text: string): string | undefined {
  if (name === '01-exam.yaml') return undefined;
  return text.replaceAll('synthesisJob: {name: exam}', 'synthesisJob: {name: practice}');
}

/** Where a pod ran and what it asked for. */
export interface Placed {
  readonly name: string;
  readonly node: string;
  /** GPUs of all its containers. */
  readonly asked: number;
}

const zPod = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    nodeName: z.string().optional(),
    containers: z.array(
      z.looseObject({
        resources: z.looseObject({ limits: z.record(z.string(), z.string()).default({}) }),
      }),
    ),
  }),
});

/** Pods with this label that have a node. */
export async function placedPods(kubectl: Kubectl, label: string): Promise<readonly Placed[]> {
  const pods = await listed(kubectl, ['pods', '--selector', label], zPod);
  return pods.flatMap(({ metadata: { name }, spec: { nodeName: node, containers } }) => {
    if (node === undefined) return [];
    const each = containers.map(({ resources: { limits } }) =>
      Number(limits['nvidia.com/gpu'] ?? 0),
    );
    return [{ name, node, asked: each.reduce((sum, gpus) => sum + gpus, 0) }];
  });
}

const KINDS = [
  ...['pods', 'jobs.batch', 'deployments', 'services', 'networkpolicies', 'configmaps', 'secrets'],
  ...['synthesisjobs', 'rolloutbatches', 'trainingruns', 'benchruns', 'trainingruntimes'],
];
/** What the installation has made for itself, and Kubernetes for every namespace. */
const OWN = /\/(clawgym|kube-root-ca\.crt|sh\.helm\.)/;

/** Everything in the namespace that is not the installation's own. */
export async function leftIn(kubectl: Kubectl): Promise<readonly string[]> {
  const names = await kubectl(['get', KINDS.join(','), '--output', 'name']);
  return names.split('\n').filter((name) => name !== '' && !OWN.test(name));
}
