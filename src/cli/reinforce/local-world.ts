import { asBatchId } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { PolicyFiles } from '../../engines/local/policy-server.ts';
import type { PolicyUpstream } from '../../engines/local/policy-upstream.ts';
import type { TrainerProcess } from '../../engines/local/trainer-process.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { RecordReader } from '../../store/record-reader.ts';
import type { RlDeed, RlWorld } from '../../training/rl/drive-run.ts';
import { type FreezeOptions, freezeStep } from '../../training/rl/freeze-step.ts';
import type { SeenRun } from '../../training/rl/next-actions.ts';
import {
  evaluationName,
  type RlRun,
  stepBatchName,
  type WantedBatch,
} from '../../training/rl/rl-run.ts';
import type { StepBoard } from '../../training/rl/step-board.ts';
import type { FrozenStep } from '../../training/rl/step-notes.ts';

/** Told of what is done; must not throw. */
export interface RlObserver {
  frozen(step: FrozenStep): void;
  /** Every rollout of an evaluation is decided. */
  evaluated(batch: WantedBatch): Promise<void>;
}

export interface LocalWorldOptions {
  readonly run: RlRun;
  readonly board: StepBoard;
  readonly store: RecordReader;
  readonly artifacts: ArtifactStore;
  readonly policy: PolicyUpstream;
  readonly trainer: TrainerProcess;
  readonly freeze: Omit<FreezeOptions, 'number'>;
  readonly runBatch: (batch: WantedBatch, signal: AbortSignal) => Promise<void>;
  /** Where a policy version lies; 0 is the base. */
  readonly policyFiles: (version: number) => Promise<PolicyFiles>;
  readonly publish: () => Promise<void>;
  readonly observer: RlObserver;
}

/** One run's processes on this machine. */
export class LocalWorld implements RlWorld {
  readonly #options: LocalWorldOptions;
  #published = false;

  constructor(options: LocalWorldOptions) {
    this.#options = options;
  }

  async observe(): Promise<SeenRun> {
    const { board, run, policy, trainer } = this.#options;
    const steps = board.seen();
    const names = [
      evaluationName(run.name, steps.length),
      stepBatchName(run.name, steps.length + 1),
    ];
    const decided = new Set<string>();
    for (const name of names) if (await this.#isDecided(name)) decided.add(name);
    const { version: serving } = policy;
    return { steps, decided, published: this.#published, serving, trainer: trainer.seen };
  }

  async perform(deed: RlDeed, signal: AbortSignal): Promise<void> {
    const { board, policy, trainer, policyFiles, publish } = this.#options;
    switch (deed.do) {
      case 'serve':
        return await policy.serve(await policyFiles(deed.version));
      case 'startTrainer':
        return trainer.start();
      case 'rollOut':
        return await this.#rollOut(deed.batch, signal);
      case 'freeze':
        return await this.#freeze(deed.batch, deed.number);
      case 'awaitTrained':
        return await this.#awaitTrained(deed.number, signal);
      case 'awaitTrainerEnd':
        board.close();
        return await unless(signal, trainer.ended());
      case 'publish':
        await publish();
        this.#published = true;
    }
  }

  async #isDecided(name: string): Promise<boolean> {
    const { store } = this.#options;
    const id = asBatchId(name);
    if ((await store.getBatch(id)) === undefined) return false;
    return (await store.countOutcomes(id)).undecided === 0;
  }

  async #rollOut(batch: WantedBatch, signal: AbortSignal): Promise<void> {
    const { runBatch, observer } = this.#options;
    await runBatch(batch, signal);
    if (batch.kind === 'evaluation' && (await this.#isDecided(batch.name))) {
      await observer.evaluated(batch);
    }
  }

  async #freeze(batch: WantedBatch, number: number): Promise<void> {
    const { store, artifacts, freeze, board, observer } = this.#options;
    const frozen = await freezeStep(batch, { store, artifacts }, { ...freeze, number });
    await board.freeze(frozen);
    observer.frozen(frozen);
  }

  async #awaitTrained(number: number, signal: AbortSignal): Promise<void> {
    const { board, trainer } = this.#options;
    const isTrained = (): boolean => board.batch(number)?.trained !== undefined;
    while (!isTrained() && trainer.seen.state === 'running') {
      await unless(signal, Promise.race([board.news, trainer.ended()]));
    }
  }
}

/** The promise, or the signal's reason where that fires first. */
async function unless(signal: AbortSignal, promise: Promise<unknown>): Promise<void> {
  const stopped = Promise.withResolvers<never>();
  const stop = (): void =>
    stopped.reject(signal.reason ?? new ClawError('Cancelled', 'the run was stopped'));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([promise, stopped.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
