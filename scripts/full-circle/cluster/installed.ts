import { z } from 'zod';
import { parseJson } from '../../../src/base/brand.ts';
import { type Kubectl, listed } from './kubectl.ts';
import type { ModelImage } from './model-objects.ts';
import { RUNTIMES } from './runtimes.ts';

const OPERATOR = 'app.kubernetes.io/name=clawgym,app.kubernetes.io/component=operator';
const zSettings = z.looseObject({ data: z.looseObject({ 'pods.json': z.string() }) });
const zPods = z.looseObject({
  images: z.looseObject({ runner: z.string() }),
  imagePullPolicy: z.string(),
});
const zNamed = z.looseObject({ metadata: z.looseObject({ name: z.string() }) });

/** The image that sandbox pods of the installation have, which holds Node. */
export async function runnerImage(kubectl: Kubectl, serverNamespace: string): Promise<ModelImage> {
  const args = ['configmaps', '--namespace', serverNamespace, '--selector', OPERATOR];
  const [settings] = await listed(kubectl, args, zSettings);
  if (settings === undefined) {
    throw new Error(`namespace ${serverNamespace} has no ConfigMap of a ClawGym operator`);
  }
  const { images, imagePullPolicy } = zPods.parse(parseJson(settings.data['pods.json']));
  return { image: images.runner, imagePullPolicy };
}

/** Throws with what to do where runs that name no runtime would find none. */
export async function needRuntimes(kubectl: Kubectl, namespace: string): Promise<void> {
  const near = await listed(kubectl, ['trainingruntimes'], zNamed);
  const far = await listed(kubectl, ['clustertrainingruntimes'], zNamed).catch(() => []);
  const there = new Set([...near, ...far].map(({ metadata }) => metadata.name));
  const missing = RUNTIMES.filter((name) => !there.has(name));
  if (missing.length === 0) return;
  throw new Error(
    `namespace ${namespace} has no TrainingRuntime ${missing.join(' and ')}, nor is there a ClusterTrainingRuntime of that name; ` +
      'name the image of a trainer with --trainer-image NAME@sha256:..., or give the chart one (training.runtimes)',
  );
}
