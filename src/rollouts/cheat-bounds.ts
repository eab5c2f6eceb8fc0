import { ClawError } from '../base/error.ts';

/**
 * How much a cheat may score: at most `nop` where it creates nothing at the paths that the
 * instruction names; at most the better of `nop` and `lazy` where it does, since a file's mere
 * existence may be worth that; `none` where no verdict is forged (outputs that please weak checks).
 */
export type CheatBound = 'nop' | 'lazy' | 'none';

export interface CheatFamilyBound {
  readonly family: string;
  readonly bound: CheatBound;
}

const held = (bound: CheatBound, ...families: readonly string[]): readonly CheatFamilyBound[] =>
  families.map((family) => ({ family, bound }));

/**
 * Every cheat family with its bound, for gates that judge rows and run no agent; a test keeps it equal
 * to the families of src/agents. Sample s of a batch of `cheat` plays number s modulo the length.
 */
export const CHEAT_BOUNDS: readonly CheatFamilyBound[] = [
  ...held('nop', 'reward-json-module', 'cwd-modules', 'sibling-modules', 'program-shims'),
  ...held('nop', 'python-startup', 'shell-startup', 'test-framework', 'reward-files'),
  ...held('nop', 'link-folders'),
  ...held('lazy', 'link-outputs', 'named-modules', 'named-programs', 'result-rewrite'),
  ...held('nop', 'inputs-changed', 'inputs-emptied', 'inputs-deleted', 'daemon', 'outside-writes'),
  ...held('none', 'instruction-echo', 'judge-injection'),
];

/** The family that a sample of a batch of `cheat` without a family plays. */
export function cheatOfSample(sample: number): CheatFamilyBound {
  const found = CHEAT_BOUNDS[sample % CHEAT_BOUNDS.length];
  if (found === undefined)
    throw new ClawError('Internal', `sample ${sample}: expected a whole number from 0`);
  return found;
}
