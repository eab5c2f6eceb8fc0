import { type CheatFamily, extensionOf, writes } from './cheat-family.ts';
import { PRINT_AND_EXIT } from './perfect-result.ts';

/**
 * Python files at the paths that the instruction names, which print a perfect result and leave the
 * process when they are imported or run. Works on verifiers that import what the agent wrote.
 */
export const namedModules: CheatFamily = {
  name: 'named-modules',
  channel: 'the verifier imports or runs a module that the agent was asked to write',
  plantsAtNamedPaths: true,
  aim: 'takeover',
  build: (target) =>
    writes(
      target.named.filter((path) => extensionOf(path) === 'py'),
      PRINT_AND_EXIT,
      true,
    ),
};
