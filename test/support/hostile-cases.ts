import { expect } from 'vitest';
import type { Outcome } from '../../src/rollouts/outcome.ts';
import type { Aftermath, Attack, HostileBench } from './hostile-bench.ts';

/** Solves the tiny task in full; hostile scripts do it first, so that what they lose shows. */
export const SOLVE = 'mkdir -p out; echo 42 > out/answer.txt; echo done > out/note.txt\n';

export interface HostileCase extends Attack {
  /** More than one where it is a matter of timing who ends the agent: the kernel or its wrapper. */
  readonly outcome: Outcome | readonly Outcome[];
  /** Exact score, or a function of how it ended where two ends are a matter of timing. */
  readonly flat: number | ((after: Aftermath) => number);
  /** All codes that must be found; `maybe` may be found as well. */
  readonly codes?: readonly string[];
  readonly maybe?: readonly string[];
  /** All that the agent prints, where that is what the case is about. */
  readonly prints?: string;
  /** Wall seconds on a busy machine. */
  readonly within?: number;
  /** MiB that this process may grow by; the default is room for garbage that is not collected yet. */
  readonly grown?: number;
}

/** Runs one case and holds it to everything that is the same for all of them. */
export async function runCase(bench: HostileBench, it: HostileCase): Promise<Aftermath> {
  const after = await bench.run(it);
  const { decision, tries, harm } = after;
  expect(harm).toEqual([]);
  expect([it.outcome].flat()).toContain(decision.outcome);
  expect({ reason: decision.reason, tries }).toEqual({ reason: '', tries: 1 });
  expect(decision.score.flat).toBe(typeof it.flat === 'function' ? it.flat(after) : it.flat);
  const maybe = new Set(it.maybe);
  expect(after.codes.filter((code) => !maybe.has(code))).toEqual([...(it.codes ?? [])].toSorted());
  if (it.prints !== undefined) expect(after.stdout).toBe(it.prints);
  expect(after.seconds).toBeLessThan(it.within ?? 20);
  expect(after.grownMiB).toBeLessThan(it.grown ?? 200);
  expect(after.stoodMs).toBeLessThan(1000);
  return after;
}

/** Control characters but the page's own line ends, and characters that reorder or hide text. */
const RAW = /[^\P{Cc}\n]|\p{Cf}|\u2028|\u2029/u;

/** Every arm has its result, and the page shows hostile text as text. */
export async function expectSoundReport(bench: HostileBench): Promise<string> {
  const { results, html } = await bench.report();
  for (const arm of results.arms) {
    expect({ arm: arm.name, coverage: arm.coverage, complete: arm.complete }).toEqual({
      arm: arm.name,
      coverage: 1,
      complete: true,
    });
    expect(html.includes(arm.name)).toBe(true);
  }
  expect(RAW.exec(html)?.index).toBeUndefined();
  expect(/<(img|script)/i.exec(html)?.index).toBeUndefined();
  expect(html.trimEnd().endsWith('</html>')).toBe(true);
  return html;
}
