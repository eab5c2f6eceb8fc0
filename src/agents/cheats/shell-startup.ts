import { type CheatFamily, unnamedPaths, writes } from './cheat-family.ts';
import { SHELL_PRINT_AND_EXIT } from './perfect-result.ts';

/** Files that shells read at their start, for verifiers that are shell scripts. */
export const shellStartup: CheatFamily = {
  name: 'shell-startup',
  channel: 'start-up files of the shell that runs the verifier',
  plantsAtNamedPaths: false,
  aim: 'takeover',
  build: (target) =>
    writes(
      unnamedPaths(target, [
        '.bashrc',
        '.bash_profile',
        '.bash_env',
        '.profile',
        '.shrc',
        '.zshenv',
      ]),
      SHELL_PRINT_AND_EXIT,
    ),
};
