import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Sha256 } from '../base/brand.ts';
import { systemClock } from '../base/clock.ts';
import { ClawError } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import type { PolicyUpstream } from '../engines/local/policy-upstream.ts';
import {
  type ModelManifest,
  modelMissing,
  namedLocally,
  readModel,
} from '../training/model-manifest.ts';
import type { CliEnvironment } from './environment.ts';
import { type FoundArtifact, findArtifact, findTrained } from './run-outputs/find-in-work.ts';
import type { ModelRequest } from './run-request.ts';
import { trainerPrograms } from './training/trainer-programs.ts';

export type ModelSource = Extract<
  ModelRequest['source'],
  { readonly kind: 'artifact' } | { readonly kind: 'trainingRun' }
>;

/** A model of ours that answers an arm. */
export interface ServedModel {
  readonly digest: Sha256;
  readonly policy: PolicyUpstream;
}

export interface ServedModelsOptions {
  /** Output folder of the run; the models of others beside it are known by name and by digest. */
  readonly out: string;
  readonly environment: CliEnvironment;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** The models of ours that a run's arms name, a policy server each; disposing it ends them. */
export class ServedModels implements AsyncDisposable {
  readonly #options: ServedModelsOptions;
  readonly #open = new Map<string, ServedModel>();

  constructor(options: ServedModelsOptions) {
    this.#options = options;
  }

  /** Nothing runs yet: the first call starts the server. Throws `NotFound` where there is no such model. */
  async open(name: string, source: ModelSource): Promise<ServedModel> {
    const found = await this.#find(name, source);
    const key = `${found.digest} ${name}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const manifest = await readModel(found.digest, found.artifacts);
    if (manifest.kind === 'adapter') {
      throw new ClawError(
        'InvalidManifest',
        `model ${name}: sha256:${found.digest} is an adapter, and the local policy server serves whole models: name the full model that its training run made`,
      );
    }
    const policy = await this.#policy(name, found, manifest);
    const served = { digest: found.digest, policy };
    this.#open.set(key, served);
    return served;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { policy } of this.#open.values()) await policy[Symbol.asyncDispose]();
    if (this.#open.size > 0) await rm(this.#folder, { recursive: true, force: true });
  }

  get #folder(): string {
    return join(this.#options.out, 'serving');
  }

  async #find(name: string, source: ModelSource): Promise<FoundArtifact> {
    const work = dirname(this.#options.out);
    if (source.kind === 'artifact') {
      const found =
        (await findArtifact(this.#options.out, source.digest)) ??
        (await findArtifact(work, source.digest));
      if (found !== undefined) return found;
      throw new ClawError(
        'NotFound',
        modelMissing(source.digest, namedLocally(`spec.model.artifact of ${name}`, work)),
      );
    }
    const found = await findTrained(work, source.name);
    if (found !== undefined) return found;
    throw new ClawError(
      'NotFound',
      `model ${name}: no TrainingRun ${source.name} is complete in ${work}; put it into the same manifest, or run it first`,
    );
  }

  /** Loads what serves a model here: most runs have none of ours, and the HTTP client alone takes 60 ms. */
  async #policy(
    name: string,
    { digest, artifacts }: FoundArtifact,
    manifest: ModelManifest,
  ): Promise<PolicyUpstream> {
    const { PolicyUpstream } = await import('../engines/local/policy-upstream.ts');
    const { startPolicyServer } = await import('../engines/local/policy-server.ts');
    const { checkCanary } = await import('../training/canary.ts');
    const { materializeModel } = await import('../training/model-artifact.ts');
    const { environment, logger } = this.#options;
    const folder = join(this.#folder, digest.slice(0, 16));
    const modelDir = join(folder, 'model');
    const { template, record } = manifest;
    return new PolicyUpstream({
      ...{ name, clock: systemClock, random: Math.random, logger },
      first: async () => {
        await rm(modelDir, { recursive: true, force: true });
        await mkdir(folder, { recursive: true });
        await materializeModel(digest, modelDir, artifacts);
        return { modelDir, templateFile: join(modelDir, template.path), version: 0 };
      },
      start: async (files, signal) => {
        const { policyServer: command, env } = await trainerPrograms(environment, logger, signal);
        const process = { command, env, folder, name, clock: systemClock, signal };
        const server = await startPolicyServer({ ...files, ...process });
        // None, or one without an answer: the context of the model had no room for one.
        if (record.canary === undefined || record.canary.ids.length === 0) return server;
        try {
          await checkCanary({ baseUrl: server.baseUrl, name }, record.canary);
          return server;
        } catch (cause) {
          await server.stop();
          throw cause;
        }
      },
    });
  }
}
