import type { LabelSelector } from '../../../src/api/label-selector.ts';
import type { TaskSource } from '../../../src/api/task-source.ts';
import { asSha256 } from '../../../src/base/brand.ts';
import type { TaskSourceBody } from '../../../src/protocol/operator-api.ts';
import { isNotFound } from '../../kube/base/kube-error.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { absent, awaited } from './awaited.ts';
import { clawTasks, synthesisJobs } from './kinds.ts';
import { configMaps } from './kube-kinds.ts';
import type { RunReason } from './vocabulary.ts';

export type ReadSource =
  | { readonly kind: 'source'; readonly body: TaskSourceBody }
  /** Not yet: a pod is at work. */
  | { readonly kind: 'reading'; readonly message: string }
  /** Not yet: a SynthesisJob has no task set. `held`: not before somebody does something about it. */
  | { readonly kind: 'waiting'; readonly held: boolean; readonly message: string }
  | { readonly kind: 'problem'; readonly reason: RunReason<'Planned'>; readonly message: string };

/**
 * The task source of a run, read from the cluster as far as the server cannot read it: the server sees
 * no objects. Reads live, never a cache: what is read is frozen. KubeErrors other than "not there"
 * pass through. Volumes are not read here: that takes a pod.
 */
export async function readTaskSource(
  client: KubeClient,
  namespace: string,
  tasks: TaskSource,
  signal: AbortSignal,
): Promise<ReadSource> {
  if (tasks.digest !== undefined) return source({ kind: 'digest', digest: asSha256(tasks.digest) });
  if (tasks.url !== undefined)
    return source({ kind: 'url', url: tasks.url.url, digest: asSha256(tasks.url.digest) });
  if (tasks.selector !== undefined) return selected(client, namespace, tasks.selector, signal);
  if (tasks.configMap !== undefined)
    return fromConfigMap(client, namespace, tasks.configMap, signal);
  if (tasks.synthesisJob !== undefined)
    return fromSynthesisJob(client, namespace, tasks.synthesisJob.name, signal);
  return sourceProblem(
    'SourceUnsupported',
    'spec.tasks.path is a path of your own machine, which a cluster cannot read; use selector, configMap, persistentVolumeClaim, synthesisJob, digest or url',
  );
}

async function selected(
  client: KubeClient,
  namespace: string,
  selector: LabelSelector,
  signal: AbortSignal,
): Promise<ReadSource> {
  const labelSelector = selectorText(selector);
  const { items } = await client.for(clawTasks).list({ namespace, labelSelector }, { signal });
  if (items.length === 0)
    return sourceProblem(
      'SourceNotFound',
      `spec.tasks.selector: no ClawTask of namespace ${namespace} has the labels ${labelSelector}; see: kubectl get clawtasks -n ${namespace} --show-labels`,
    );
  const tasks = items
    .map(({ metadata, spec }) => ({ name: metadata.name, task: spec }))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return source({ kind: 'tasks', tasks });
}

async function fromConfigMap(
  client: KubeClient,
  namespace: string,
  { name, key }: NonNullable<TaskSource['configMap']>,
  signal: AbortSignal,
): Promise<ReadSource> {
  try {
    const { data } = await client.for(configMaps).get({ namespace, name }, { signal });
    const text = data?.[key];
    if (text !== undefined) return source({ kind: 'text', name: key, text });
    const keys = Object.keys(data ?? {}).slice(0, 20);
    return sourceProblem(
      'SourceNotFound',
      `spec.tasks.configMap: ConfigMap ${namespace}/${name} has no key ${JSON.stringify(key)}; it has ${keys.length === 0 ? 'none' : keys.join(', ')}`,
    );
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
    return sourceProblem(
      'SourceNotFound',
      `spec.tasks.configMap: there is no ConfigMap ${namespace}/${name}; create it`,
    );
  }
}

/** Accepted tasks, once there is a set of them. */
async function fromSynthesisJob(
  client: KubeClient,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<ReadSource> {
  const place = 'spec.tasks.synthesisJob';
  try {
    const job = await client.for(synthesisJobs).get({ namespace, name }, { signal });
    const { taskSet } = job.status ?? {};
    if (taskSet !== undefined) return source({ kind: 'digest', digest: asSha256(taskSet) });
    const { stands, message } = awaited(place, job);
    if (stands === 'going')
      return sourceProblem('SourceNotFound', `${message}; name another source`);
    if (stands === 'failed')
      return sourceProblem(
        'SourceRefused',
        `${message}; make a new one under this name, or name another source`,
      );
    return { kind: 'waiting', held: stands === 'held', message };
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
    return sourceProblem('SourceNotFound', absent(place, 'SynthesisJob', { namespace, name }));
  }
}

export function sourceProblem(reason: RunReason<'Planned'>, message: string): ReadSource {
  return { kind: 'problem', reason, message };
}

/** A label selector as the API server reads it from a query. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const equal = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const others = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  });
  return [...equal, ...others].join(',');
}

const source = (body: TaskSourceBody): ReadSource => ({ kind: 'source', body });
