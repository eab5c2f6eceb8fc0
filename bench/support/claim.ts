/**
 * The frame of a claim script: `check` collects what does not hold, `finish` prints every violation,
 * then the figure as the last line, and sets the exit code.
 */
export class Claim {
  readonly #violations: string[] = [];

  /** Records a violation unless the condition holds. */
  check(holds: boolean, violation: string): void {
    if (!holds) this.#violations.push(violation);
  }

  finish(figure: string): void {
    for (const violation of this.#violations) process.stdout.write(`does not hold: ${violation}\n`);
    process.stdout.write(`${figure}\n`);
    process.exitCode = this.#violations.length === 0 ? 0 : 1;
  }
}
