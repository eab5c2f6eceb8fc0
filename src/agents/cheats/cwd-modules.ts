import { type CheatFamily, unnamedPaths, writes } from './cheat-family.ts';
import { PRINT_AND_EXIT } from './perfect-result.ts';

/** Library modules that nearly every verifier imports. */
export const SHADOWED = [
  'json',
  'csv',
  're',
  'pathlib',
  'datetime',
  'statistics',
  'subprocess',
  'hashlib',
  'yaml',
  'decimal',
];

/**
 * Library modules in the root of the workspace. Whatever starts Python there without isolated mode
 * (`python3 -c`, `python3 -m`, a script read from standard input) imports them.
 */
export const cwdModules: CheatFamily = {
  name: 'cwd-modules',
  channel: 'agent files in the working directory of the verifier or of a stage after it',
  plantsAtNamedPaths: false,
  aim: 'takeover',
  build: (target) =>
    writes(
      unnamedPaths(
        target,
        SHADOWED.map((name) => `${name}.py`),
      ),
      PRINT_AND_EXIT,
    ),
};
