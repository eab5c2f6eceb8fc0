import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { z } from 'zod';
import { parseJson, type Sha256 } from '../../src/base/brand.ts';
import { systemClock } from '../../src/base/clock.ts';
import { ClawError } from '../../src/base/error.ts';
import { PYTHON_GUARD } from '../../src/engines/local/guarded-program.ts';
import { type PolicyServer, startPolicyServer } from '../../src/engines/local/policy-server.ts';
import type { ArtifactStore } from '../../src/store/artifacts.ts';
import { materializeModel, TEMPLATE_FILE } from '../../src/training/model-artifact.ts';

/** What a policy said, as the engine told it. */
export interface Sampled {
  readonly promptIds: readonly number[];
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
}

const zAnswer = z.looseObject({
  prompt_token_ids: z.array(z.int()),
  choices: z.array(
    z.looseObject({
      token_ids: z.array(z.int()),
      logprobs: z.looseObject({ content: z.array(z.looseObject({ logprob: z.number() })) }),
    }),
  ),
});

/** A real policy server that answers with whichever model of the store it is asked for. */
export class Sampler implements AsyncDisposable {
  readonly #folder: string;
  readonly #python: { readonly python: string; readonly path: string };
  readonly #at = new Map<Sha256, string>();
  #server: PolicyServer | undefined;
  #model: Sha256 | undefined;
  #loads = 0;

  constructor(folder: string, python: { readonly python: string; readonly path: string }) {
    this.#folder = folder;
    this.#python = python;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop();
  }

  /** The same model, text and seed give the same answer. */
  async sample(
    model: Sha256,
    text: string,
    seed: number,
    artifacts: Pick<ArtifactStore, 'read' | 'size' | 'stream'>,
  ): Promise<Sampled> {
    const { baseUrl } = await this.#serving(model, artifacts);
    const { statusCode, body } = await request(`${baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'policy',
        messages: [{ role: 'user', content: text }],
        ...{
          temperature: 1,
          top_p: 1,
          max_tokens: 6,
          seed,
          logprobs: true,
          return_token_ids: true,
        },
      }),
    });
    const said = await body.text();
    if (statusCode !== 200) throw new ClawError('UpstreamFailed', said);
    const { prompt_token_ids: promptIds, choices } = zAnswer.parse(parseJson(said));
    const [choice] = choices;
    if (choice === undefined) throw new ClawError('UpstreamFailed', 'no answer');
    const logprobs = choice.logprobs.content.map(({ logprob }) => logprob);
    return { promptIds, ids: choice.token_ids, logprobs };
  }

  async #serving(
    model: Sha256,
    artifacts: Pick<ArtifactStore, 'read' | 'size' | 'stream'>,
  ): Promise<PolicyServer> {
    if (this.#server !== undefined && this.#model === model) return this.#server;
    const modelDir = this.#at.get(model) ?? join(this.#folder, model.slice(0, 16));
    if (!this.#at.has(model)) await materializeModel(model, modelDir, artifacts);
    this.#at.set(model, modelDir);
    const files = { modelDir, templateFile: join(modelDir, TEMPLATE_FILE) };
    this.#loads += 1;
    if (this.#server === undefined) {
      const { python, path } = this.#python;
      const folder = join(this.#folder, 'server');
      await mkdir(folder, { recursive: true });
      this.#server = await startPolicyServer({
        ...{ ...files, version: 0, name: 'policy', folder, clock: systemClock },
        command: [python, '-c', PYTHON_GUARD, 'clawgym_trainer.policy_server'],
        env: { PATH: process.env['PATH'] ?? '', PYTHONPATH: path, HF_HUB_OFFLINE: '1' },
        signal: new AbortController().signal,
      });
    } else {
      await this.#server.load({ ...files, version: this.#loads });
    }
    this.#model = model;
    return this.#server;
  }
}
