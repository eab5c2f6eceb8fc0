import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { SeenTrainer } from '../../training/rl/next-actions.ts';
import { type GuardedProgram, startProgram } from './guarded-program.ts';

export interface TrainerOptions {
  /** The trainer with its arguments. */
  readonly command: readonly string[];
  /** RUN_SPEC, RUN_IN and RUN_OUT among it. */
  readonly env: Readonly<Record<string, string>>;
  /** For its log and its pid. */
  readonly folder: string;
  /** From SIGTERM to SIGKILL, in milliseconds. */
  readonly graceMs: number;
  readonly clock: Clock;
}

/** The trainer of one run, started again as often as it is asked for. */
export class TrainerProcess implements AsyncDisposable {
  readonly #options: TrainerOptions;
  #program: GuardedProgram | undefined;
  #seen: SeenTrainer = { state: 'off' };
  #starts = 0;

  constructor(options: TrainerOptions) {
    this.#options = options;
  }

  get seen(): SeenTrainer {
    return this.#seen;
  }

  get logFile(): string {
    return join(this.#options.folder, 'trainer.log');
  }

  /** The last lines of its log. */
  lastWords(): string {
    return this.#program?.lastWords() ?? '';
  }

  start(): void {
    const { command, env, folder } = this.#options;
    mkdirSync(folder, { recursive: true });
    this.#starts += 1;
    const program = startProgram({
      ...{ argv: command, cwd: folder, env },
      logFile: this.logFile,
      pidFile: join(folder, 'trainer.pid'),
    });
    this.#program = program;
    this.#seen = { state: 'running' };
    void program.ended.then(({ exitCode }) => {
      this.#seen = { state: 'ended', exitCode, starts: this.#starts };
    });
  }

  /** Resolves when the running one ends; at once where none runs. */
  async ended(): Promise<void> {
    await this.#program?.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { graceMs, clock } = this.#options;
    await this.#program?.stop(graceMs, clock);
  }
}
