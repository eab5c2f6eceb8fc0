import { ClawError } from '../../base/error.ts';
import { InTurn } from '../../base/in-turn.ts';
import type { SeenStep } from './next-actions.ts';
import type { FrozenStep, Trained } from './step-notes.ts';
import type { StepRows } from './step-rows.ts';

export interface BoardStep {
  readonly frozen: FrozenStep;
  readonly trained: Trained | undefined;
}

/**
 * The steps of a run as they are kept, and who waits for news of them. Written through: what a method
 * returned from is durable. One process at a time holds a run's board.
 */
export class StepBoard {
  readonly #rows: StepRows;
  readonly #steps: BoardStep[] = [];
  readonly #turn = new InTurn();
  #closed = false;
  #news = Promise.withResolvers<void>();

  private constructor(rows: StepRows) {
    this.#rows = rows;
  }

  /** @param steps of the whole run */
  static async open(steps: number, rows: StepRows): Promise<StepBoard> {
    const board = new StepBoard(rows);
    for (let step = 1; step <= steps; step += 1) {
      const { frozen, trained } = await rows.read(step);
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

  /** Of the newest batch that is trained, which is the newest policy version too; 0: none is. */
  get newest(): number {
    return this.#steps.findLast(({ trained }) => trained !== undefined)?.frozen.number ?? 0;
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
    await this.#rows.keepFrozen(frozen);
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
    await this.#rows.keepTrained(known.frozen.step, trained);
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
}
