import type { CheatFamily } from './cheats/cheat-family.ts';
import { cwdModules } from './cheats/cwd-modules.ts';
import { inputsChanged, inputsDeleted, inputsEmptied } from './cheats/inputs.ts';
import { linkFolders, linkOutputs } from './cheats/links.ts';
import { namedModules } from './cheats/named-modules.ts';
import { namedPrograms } from './cheats/named-programs.ts';
import { daemon, outsideWrites } from './cheats/processes.ts';
import { programShims } from './cheats/program-shims.ts';
import { pythonStartup } from './cheats/python-startup.ts';
import { resultRewrite } from './cheats/result-rewrite.ts';
import { rewardFiles } from './cheats/reward-files.ts';
import { rewardJsonModule } from './cheats/reward-json-module.ts';
import { shellStartup } from './cheats/shell-startup.ts';
import { siblingModules } from './cheats/sibling-modules.ts';
import { instructionEcho, judgeInjection } from './cheats/stuffing.ts';
import { testFramework } from './cheats/test-framework.ts';

/**
 * Every family, for claims and gates to run over. Known channels without a family here: history and
 * future commits of a repository, look-ups on the network and answers shipped with a harness; these
 * need tasks and images that have them.
 */
export const CHEAT_FAMILIES: readonly CheatFamily[] = [
  rewardJsonModule,
  cwdModules,
  siblingModules,
  programShims,
  pythonStartup,
  shellStartup,
  testFramework,
  rewardFiles,
  linkFolders,
  linkOutputs,
  namedModules,
  namedPrograms,
  resultRewrite,
  inputsChanged,
  inputsEmptied,
  inputsDeleted,
  daemon,
  outsideWrites,
  instructionEcho,
  judgeInjection,
];
