import type { CallOptions } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { findRuntime } from '../shared/find-runtime.ts';
import type { RuntimeSpec, TrainingRun } from '../shared/kinds.ts';
import { type InputProblem, unfit } from './inputs.ts';

export type FoundRuntime =
  | { readonly spec: RuntimeSpec; readonly problem?: undefined }
  | { readonly problem: InputProblem };

/** The runtime of a run, read live: it is asked for once a start. KubeErrors pass through. */
export async function readRuntime(
  client: KubeClient,
  run: TrainingRun,
  call: CallOptions,
): Promise<FoundRuntime> {
  const { runtimeRef: named, rl } = run.spec;
  const { namespace = '' } = run.metadata;
  const fallback = rl === undefined ? 'sft' : 'rl';
  const ask = { namespace, named, fallback, field: 'spec.runtimeRef' } as const;
  const found = await findRuntime(client, ask, call);
  if (found.problem !== undefined) return { problem: { ...found.problem, waits: false } };
  const problem = unfit(run, found.spec, found.place);
  return problem === undefined ? { spec: found.spec } : { problem };
}
