import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../base/canonical-json.ts';
import type { Clock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import { InTurn } from '../../base/in-turn.ts';
import type { Logger } from '../../base/logger.ts';
import type { TrainingProgress } from '../../protocol/training-api.ts';
import { newestMetrics } from '../read-metrics.ts';
import { readResult } from '../result.ts';
import { tailOf } from '../tail-of.ts';
import { present } from './status-server.ts';
import type { TrainingClient } from './training-client.ts';
import { uploadFolder } from './upload-folder.ts';

export interface ReporterOptions {
  readonly client: Pick<TrainingClient, 'put' | 'progress' | 'checkpoint' | 'result'>;
  /** RUN_OUT. */
  readonly out: string;
  /** Of the checkpoint that the trainer began with: it is in the store. */
  readonly fetchedStep: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Between two looks at RUN_OUT. */
const LOOK_MS = 1000;
const STEP = /^step-(\d+)$/;

/**
 * Hands in what a trainer makes while it makes it: progress, each checkpoint that is named `latest`, and
 * at the end the model. What is told once is not told again.
 */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #turns = new InTurn();
  #status: TrainingProgress = {};
  #toldProgress = canonicalJson({});
  #handedIn: number | undefined;
  #resultIn = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#handedIn = options.fetchedStep;
  }

  /** By the status protocol. */
  told(progress: TrainingProgress): void {
    this.#status = { ...this.#status, ...progress };
  }

  /** Until `stop`, then what is left, until `giveUp`. */
  async run(stop: AbortSignal, giveUp: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!stop.aborted) {
      await this.#look(giveUp).catch((error: unknown) => {
        logger.warn({ error: errorMessage(error) }, 'not handed in yet');
      });
      await clock.sleep(LOOK_MS, stop).catch(() => undefined);
    }
    await this.#look(giveUp);
  }

  async #look(giveUp: AbortSignal): Promise<void> {
    await this.#tellProgress(giveUp);
    if (await this.inTurn(() => this.#handInResult(giveUp))) return;
    await this.keepCheckpoint(giveUp);
  }

  /** One hands something in after the other: what was put and is not named yet may be let go of. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    return await this.#turns.run('uploads', work);
  }

  /** Returns once another pod would go on from the newest checkpoint. */
  async keepCheckpoint(giveUp: AbortSignal): Promise<void> {
    await this.inTurn(() => this.#handInCheckpoint(giveUp));
  }

  async #tellProgress(signal: AbortSignal): Promise<void> {
    const { client, logger, out } = this.#options;
    const metrics = newestMetrics(await tailOf(join(out, 'metrics.jsonl')));
    const { tokensPerSecond: _pace, ...own } = metrics ?? { tokensPerSecond: undefined };
    const progress = { ...this.#status, ...present(own) };
    const text = canonicalJson(progress);
    if (text === this.#toldProgress) return;
    await client.progress(progress, signal).then(
      () => {
        this.#toldProgress = text;
      },
      // The next look says more.
      (error: unknown) => logger.warn({ error: errorMessage(error) }, 'progress was not told'),
    );
  }

  /** True where there is a result: no checkpoint is wanted any more. */
  async #handInResult(giveUp: AbortSignal): Promise<boolean> {
    if (this.#resultIn) return true;
    const { client, logger, out } = this.#options;
    const path = join(out, 'result.json');
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) return false;
    const result = readResult(text, path);
    const files =
      result.status === 'done'
        ? await uploadFolder(join(out, result.model.path), client, giveUp)
        : [];
    await client.result({ result: text, files: [...files] }, giveUp);
    this.#resultIn = true;
    logger.info({ status: result.status, files: files.length }, 'result handed in');
    return true;
  }

  async #handInCheckpoint(giveUp: AbortSignal): Promise<void> {
    const { client, logger, out } = this.#options;
    const step = await this.#newestStep();
    if (step === undefined || step === this.#handedIn) return;
    const folder = join(out, 'checkpoints', `step-${step}`);
    const files = await uploadFolder(folder, client, giveUp).catch((error: unknown) => {
      // A newer one has taken its place meanwhile.
      throw new ClawError('NotFound', `checkpoint of step ${step}: ${errorMessage(error)}`);
    });
    await client.checkpoint({ step, files: [...files] }, giveUp);
    this.#handedIn = step;
    logger.info({ step, files: files.length }, 'checkpoint handed in');
  }

  async #newestStep(): Promise<number | undefined> {
    const latest = join(this.#options.out, 'checkpoints', 'latest');
    const name = await readFile(latest, 'utf8').catch(() => '');
    const step = STEP.exec(name.trim())?.[1];
    return step === undefined ? undefined : Number(step);
  }
}
