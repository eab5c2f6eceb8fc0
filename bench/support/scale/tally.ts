/** Times in milliseconds and counts by name, with their quantiles at the end. */
export class Tally {
  readonly #times = new Map<string, number[]>();
  readonly #counts = new Map<string, number>();
  readonly #failures = new Map<string, number>();

  async timed<T>(name: string, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await work();
    this.took(name, performance.now() - began);
    return result;
  }

  took(name: string, ms: number): void {
    const times = this.#times.get(name) ?? [];
    times.push(ms);
    this.#times.set(name, times);
  }

  count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  failed(name: string, why: string): void {
    const key = `${name}: ${why}`.slice(0, 200);
    this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1);
  }

  summary(): {
    readonly times: Readonly<Record<string, string>>;
    readonly counts: Readonly<Record<string, number>>;
    readonly failures: Readonly<Record<string, number>>;
  } {
    const times = [...this.#times].map(([name, all]) => [name, quantiles(all)] as const);
    return {
      times: Object.fromEntries(times),
      counts: Object.fromEntries(this.#counts),
      failures: Object.fromEntries(this.#failures),
    };
  }
}

function quantiles(times: readonly number[]): string {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (part: number) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
  return `${sorted.length} times, ms: median ${at(0.5)}, p95 ${at(0.95)}, most ${at(1)}`;
}
