import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { BenchRun } from '../api/bench-run.ts';
import type { ClawTask } from '../api/claw-task.ts';
import { selects } from '../api/label-selector.ts';
import { artifactDigest } from '../api/model-ref.ts';
import type { ModelSpec } from '../api/model-spec.ts';
import type { ForeignObject } from '../api/parse-manifest.ts';
import type { RolloutBatch } from '../api/rollout-batch.ts';
import type { TaskSource } from '../api/task-source.ts';
import { ClawError } from '../base/error.ts';
import { batchSettings, fixedSampling, plainBudgets } from '../server/planning/batch-settings.ts';
import { configMapTasks } from './config-map-tasks.ts';
import type { ArmRequest, ModelRequest, RunRequest, TasksRequest } from './run-request.ts';
import { acceptedTasksPath } from './synthesis/output-files.ts';

/** What a manifest leaves to the command line. */
export interface ManifestFlags {
  /** Where the manifest's upstream Secret would point. */
  readonly baseUrl: string | undefined;
  readonly apiKeyEnv: string | undefined;
  /** Leaves out tasks that cannot be imported; one of them stops the run without it. */
  readonly skipInvalid?: boolean | undefined;
  /** Objects of other kinds beside the run: a ConfigMap of them may hold its tasks. */
  readonly foreign?: readonly ForeignObject[] | undefined;
  /** Output folder of the run; those of other objects lie beside it, each under its name. */
  readonly out: string;
}

/**
 * The local run that a BenchRun or RolloutBatch asks for; paths are relative to its file, and a
 * selector picks among the ClawTasks beside it.
 */
export function requestFromManifest(
  object: BenchRun | RolloutBatch,
  clawTasks: readonly ClawTask[],
  file: string,
  flags: ManifestFlags,
): RunRequest {
  const folder = dirname(resolve(file));
  const { spec } = object;
  if (spec.suspend) {
    throw new ClawError(
      'InvalidManifest',
      `${object.kind} ${object.metadata.name}: spec.suspend is true, so nothing may run; set it to false`,
    );
  }
  const common = {
    name: object.metadata.name,
    tasks: localTasks(spec.tasks, clawTasks, file, flags),
    parallelism: spec.parallelism,
    deadlineSeconds: spec.activeDeadlineSeconds,
    settings: batchSettings(spec),
  };
  if (object.kind === 'RolloutBatch') {
    const { agent, model, budgets, samples } = object.spec;
    const arm = {
      name: agent.name,
      agent,
      model: modelOf(model, folder, flags),
      budgets: plainBudgets(budgets),
    };
    return { ...common, kind: 'RolloutBatch', samples, arms: [arm] };
  }
  const { arms, attempts, budgets } = object.spec;
  return {
    ...common,
    kind: 'BenchRun',
    samples: attempts,
    arms: arms.map(
      (arm): ArmRequest => ({
        name: arm.name,
        agent: arm.agent,
        model: modelOf(arm.model, folder, flags),
        budgets: plainBudgets(arm.budgets ?? budgets),
      }),
    ),
  };
}

/** Where the tasks of a manifest are on this machine; a selector picks among its ClawTasks. */
export function localTasks(
  source: TaskSource,
  clawTasks: readonly ClawTask[],
  file: string,
  { skipInvalid = false, out, foreign }: Pick<ManifestFlags, 'skipInvalid' | 'out' | 'foreign'>,
): TasksRequest {
  const path = resolve(file);
  const rest = { ids: source.taskIds, skipInvalid };
  if (source.path !== undefined) return { path: resolve(dirname(path), source.path), ...rest };
  const { selector, synthesisJob, configMap } = source;
  if (configMap !== undefined && foreign !== undefined)
    return { path, content: configMapTasks(configMap, foreign), ...rest };
  if (synthesisJob !== undefined) return { path: acceptedOf(synthesisJob.name, out), ...rest };
  if (selector === undefined) {
    throw new ClawError(
      'InvalidManifest',
      'spec.tasks names a source in a cluster; on this machine use spec.tasks.path, spec.tasks.synthesisJob, or spec.tasks.selector or configMap for what stands in the same manifest',
    );
  }
  const objects = clawTasks.filter(({ metadata }) => selects(selector, metadata.labels ?? {}));
  if (objects.length > 0) return { path, objects, ...rest };
  const there = clawTasks.map(
    ({ metadata }) => `${metadata.name} (labels ${JSON.stringify(metadata.labels ?? {})})`,
  );
  throw new ClawError(
    'InvalidManifest',
    `spec.tasks.selector matches no ClawTask of ${file}; it holds ${there.slice(0, 5).join(', ') || 'none'}`,
  );
}

/** The tasks of a SynthesisJob that ran beside this run. */
function acceptedOf(name: string, out: string): string {
  const path = acceptedTasksPath(join(dirname(resolve(out)), name));
  if (existsSync(path)) return path;
  throw new ClawError(
    'NotFound',
    `spec.tasks.synthesisJob: SynthesisJob ${name} has no accepted tasks at ${path}; run it first, with an output folder of its name beside that of this run`,
  );
}

/** Where a model of a manifest is on this machine; paths are relative to `folder`. */
export function modelOf(
  model: ModelSpec | undefined,
  folder: string,
  flags: ManifestFlags,
): ModelRequest | undefined {
  if (model === undefined) return undefined;
  const sampling = fixedSampling(model.sampling);
  const capturesTokens = model.capture === 'tokens';
  if (model.recording !== undefined) {
    return {
      name: model.name,
      sampling,
      capturesTokens,
      source: { kind: 'recording', path: resolve(folder, model.recording.path) },
    };
  }
  const { artifact, trainingRun } = model;
  if (artifact !== undefined) {
    const source = { kind: 'artifact', digest: artifactDigest(artifact) } as const;
    return { name: model.name, sampling, capturesTokens, source };
  }
  if (trainingRun !== undefined) {
    const source = { kind: 'trainingRun', name: trainingRun.name } as const;
    return { name: model.name, sampling, capturesTokens, source };
  }
  const baseUrl = model.upstream?.baseURL ?? flags.baseUrl;
  if (baseUrl === undefined) {
    throw new ClawError(
      'InvalidManifest',
      `model ${model.name}: upstreamSecretRef names a Secret of a cluster; on this machine say where the model is with --base-url (and --api-key-env)`,
    );
  }
  const apiKeyEnv = model.upstream?.apiKeyEnv ?? flags.apiKeyEnv;
  return {
    name: model.name,
    sampling,
    capturesTokens,
    source: { kind: 'endpoint', baseUrl, apiKeyEnv },
  };
}
