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

  start(): void {
    const { command, env, folder } = this.#options;
    mkdirSync(folder, { recursive: true });
    this.#starts += 1;
    const program = startProgram({
      ...{ argv: command, cwd: folder, env },
      logFile: join(folder, 'trainer.log'),
      pidFile: join(folder, 'trainer.pid'),
    });
    this.#program = program;
    this.#seen = { state: 'running' };
    void program.ended.then(({ exitCode }) => {
      this.#seen = { state: 'ended', exitCode, starts: this.#starts };
    });
  }

  /** Its exit code once it has ended; 0 where none was started. */
  async ended(): Promise<number> {
    return (await this.#program?.ended)?.exitCode ?? 0;
  }

  /** SIGTERM, so that it writes a checkpoint; SIGKILL once `graceMs` are over. */
  async stop(): Promise<void> {
    const { graceMs, clock } = this.#options;
    await this.#program?.stop(graceMs, clock);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
