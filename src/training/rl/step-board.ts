import { asBatchId } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import { InTurn } from '../../base/in-turn.ts';
import type { BatchNotes } from '../../store/cluster-records.ts';
import type { SeenStep } from './next-actions.ts';
import { type RlRun, stepBatchName } from './rl-run.ts';
import { type FrozenStep, noteText, readStepNotes, type Trained } from './step-notes.ts';

interface BoardStep {
  readonly frozen: FrozenStep;
  readonly trained: Trained | undefined;
}

/**
 * The steps of a run as they are kept, and who waits for news of them. Written through: what a method
 * returned from is durable. One process at a time holds a run's board.
 */
export class StepBoard {
  readonly #run: Pick<RlRun, 'name' | 'steps'>;
  readonly #records: BatchNotes;
  readonly #steps: BoardStep[] = [];
  readonly #turn = new InTurn();
  #closed = false;
  #news = Promise.withResolvers<void>();

  private constructor(run: Pick<RlRun, 'name' | 'steps'>, records: BatchNotes) {
    this.#run = run;
    this.#records = records;
  }

  static async open(run: Pick<RlRun, 'name' | 'steps'>, records: BatchNotes): Promise<StepBoard> {
    const board = new StepBoard(run, records);
    for (let step = 1; step <= run.steps; step += 1) {
      const notes = await records.batchNotes(asBatchId(stepBatchName(run.name, step)));
      const { frozen, trained } = readStepNotes(notes);
      if (frozen === undefined) break;
      board.#steps.push({ frozen, trained });
    }
    return board;
  }

  get steps(): readonly BoardStep[] {
    return this.#steps;
  }

  /** As the coordinator's decisions need them. */
  seen(): readonly SeenStep[] {
    return this.#steps.map(({ frozen, trained }) => ({
      number: frozen.number,
      trained: trained !== undefined,
      rewarded: frozen.rollouts.rewarded,
    }));
  }

  /** The batch of a number; undefined where there is none. */
  batch(number: number): BoardStep | undefined {
    return this.#steps.find(({ frozen }) => frozen.number === number);
  }

  async freeze(frozen: FrozenStep): Promise<void> {
    const due = this.#steps.length + 1;
    if (frozen.step !== due) {
      throw new ClawError('Internal', `step ${frozen.step} is frozen where step ${due} is due`);
    }
    await this.#keep(frozen.step, 'rlStep', noteText(frozen));
    this.#steps.push({ frozen, trained: undefined });
    this.#tell();
  }

  /**
   * The trainer has trained a batch. The same word again changes nothing; another one about the same
   * batch is `Conflict`, for a batch is trained once.
   */
  async acknowledge(number: number, trained: Trained): Promise<void> {
    await this.#turn.run('trained', () => this.#acknowledge(number, trained));
  }

  async #acknowledge(number: number, trained: Trained): Promise<void> {
    const at = this.#steps.findIndex(({ frozen }) => frozen.number === number);
    const known = this.#steps[at];
    if (known === undefined) throw new ClawError('NotFound', `there is no batch ${number}`);
    if (known.trained !== undefined) {
      if (known.trained.manifestSha256 === trained.manifestSha256) return;
      throw new ClawError(
        'Conflict',
        `batch ${number} is trained already, to the policy of manifest ${known.trained.manifestSha256}: a batch is trained once`,
      );
    }
    if (trained.policyVersion !== number) {
      throw new ClawError(
        'InvalidInput',
        `policyVersion ${trained.policyVersion}: batch ${number} makes policy version ${number}`,
      );
    }
    await this.#keep(known.frozen.step, 'rlTrained', noteText(trained));
    this.#steps[at] = { frozen: known.frozen, trained };
    this.#tell();
  }

  /** No batch will follow. */
  close(): void {
    this.#closed = true;
    this.#tell();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves with the next change of the board. */
  get news(): Promise<void> {
    return this.#news.promise;
  }

  #tell(): void {
    const { resolve } = this.#news;
    this.#news = Promise.withResolvers();
    resolve();
  }

  async #keep(step: number, key: 'rlStep' | 'rlTrained', text: string): Promise<void> {
    await this.#records.setBatchNote(asBatchId(stepBatchName(this.#run.name, step)), key, text);
  }
}
