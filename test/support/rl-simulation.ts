import type { BatchId } from '../../src/base/brand.ts';
import type { BatchNotes } from '../../src/store/cluster-records.ts';
import type { RlDeed, RlWorld } from '../../src/training/rl/drive-run.ts';
import type { SeenRun, SeenTrainer } from '../../src/training/rl/next-actions.ts';
import type { RlRun, WantedBatch } from '../../src/training/rl/rl-run.ts';
import { StepBoard } from '../../src/training/rl/step-board.ts';
import type { FrozenStep } from '../../src/training/rl/step-notes.ts';
import { noteSteps } from '../../src/training/rl/step-rows.ts';

const DIGEST = 'a'.repeat(64);

/** What ends at a moment: the process that coordinates, the trainer, or the policy server. */
export type Victim = 'coordinator' | 'trainer' | 'server';
export class Killed extends Error {}

/**
 * A reinforcement run whose processes are simulated moment by moment, around the real board. What is
 * durable outlives `killed`; a victim ends before the moment of its number.
 */
export class RlSimulation {
  readonly run: RlRun;
  /** Batches that the weights of the newest checkpoint went through, in order. */
  lineage: readonly number[] = [];
  /** Version that sampled each rollout of each batch. */
  readonly sampled = new Map<string, number[]>();
  readonly acknowledged: number[] = [];
  published: (readonly number[])[] = [];
  readonly #kills: ReadonlyMap<number, Victim>;
  /** Steps that teach nothing. */
  readonly #empty: ReadonlySet<number>;
  readonly #notes = new Map<string, Record<string, string>>();
  #moment = 0;
  #serving: number | undefined;
  #trainer: SeenTrainer = { state: 'off' };
  #starts = 0;

  constructor(run: RlRun, kills: ReadonlyMap<number, Victim>, empty: ReadonlySet<number>) {
    this.run = run;
    this.#kills = kills;
    this.#empty = empty;
  }

  readonly #records: BatchNotes = {
    batchNotes: (batch: BatchId) => Promise.resolve({ ...this.#notes.get(batch) }),
    setBatchNote: (batch, key, value) => {
      this.#notes.set(batch, { ...this.#notes.get(batch), [key]: value });
      return Promise.resolve();
    },
  };

  /** A coordinator that has just started: nothing runs yet. */
  async open(): Promise<RlWorld> {
    this.#serving = undefined;
    this.#trainer = { state: 'off' };
    this.#starts = 0;
    const board = await StepBoard.open(this.run.steps, noteSteps(this.run.name, this.#records));
    return {
      observe: () => Promise.resolve(this.#seen(board)),
      perform: (deed) => this.#perform(deed, board),
    };
  }

  #seen(board: StepBoard): SeenRun {
    const samples = (name: string): number => this.sampled.get(name)?.length ?? 0;
    const decided = [...this.sampled.keys()].filter((name) => samples(name) === 2);
    return {
      steps: board.seen(),
      decided: new Set(decided),
      published: this.published.length > 0,
      serving: this.#serving,
      trainer: this.#trainer,
    };
  }

  /** Something may end here. */
  #pass(): void {
    this.#moment += 1;
    const victim = this.#kills.get(this.#moment);
    if (victim === 'server') this.#serving = undefined;
    if (victim === 'trainer' && this.#trainer.state === 'running') this.#trainerEnds(137);
    if (victim === 'coordinator') throw new Killed();
  }

  #trainerEnds(exitCode: number): void {
    this.#trainer = { state: 'ended', exitCode, starts: this.#starts };
  }

  async #perform(deed: RlDeed, board: StepBoard): Promise<void> {
    this.#pass();
    switch (deed.do) {
      case 'serve':
        this.#serving = deed.version;
        return;
      case 'startTrainer':
        this.#starts += 1;
        this.#trainer = { state: 'running' };
        return;
      case 'rollOut':
        return this.#rollOut(deed.batch);
      case 'freeze':
        this.#pass();
        await board.freeze(this.#frozen(deed.batch, deed.number));
        return this.#pass();
      case 'awaitTrained':
        return await this.#train(deed.number, board);
      case 'awaitTrainerEnd':
        this.#pass();
        return this.#trainerEnds(0);
      case 'publish':
        this.published = [...this.published, this.lineage];
        return this.#pass();
    }
  }

  #rollOut({ name }: WantedBatch): void {
    const versions = this.sampled.get(name) ?? [];
    this.sampled.set(name, versions);
    while (versions.length < 2) {
      this.#pass();
      // The engine asks a server that is gone: the run looks again.
      if (this.#serving === undefined) return;
      versions.push(this.#serving);
    }
  }

  #frozen({ step, policyVersion }: WantedBatch, number: number): FrozenStep {
    const taught = !this.#empty.has(step);
    return {
      ...{ step, policyVersion, reward: 0.5, trainedTokens: 4 },
      groups: { taken: taught ? 1 : 0, noVariance: taught ? 0 : 1, tooFew: 0 },
      rollouts: { all: 2, rewarded: 2, withoutTokens: 0, trained: taught ? 2 : 0 },
      cutAnswers: 0,
      ...(taught && { number, index: DIGEST as FrozenStep['index'] }),
    };
  }

  /** As the trainer does it: step, checkpoint, version, word; a started one first says what it has. */
  async #train(number: number, board: StepBoard): Promise<void> {
    const running = (): boolean => this.#trainer.state === 'running';
    if (!running()) return;
    if (!this.lineage.includes(number)) {
      this.#pass();
      if (!running()) return;
      this.lineage = [...this.lineage, number];
    }
    this.#pass();
    if (!running()) return;
    await board.acknowledge(number, {
      ...{ policyVersion: number, path: `policy/v-${number}`, metrics: {} },
      manifestSha256: DIGEST as FrozenStep['index'] & string,
    });
    this.acknowledged.push(number);
    this.#pass();
  }
}
