import { type CheatFamily, unnamedPaths, writes } from './cheat-family.ts';
import { PRINT_AND_EXIT } from './perfect-result.ts';

const FOLDERS = ['reward', 'verifier', 'tests', 'grader'];
const MODULES = ['json', 'csv', 'check', 'score'];

/**
 * Modules in the folders in which verifiers are known to lie. A verifier that runs beside them, or is
 * copied in among them, imports the agent's `json` in place of the library's.
 */
export const rewardJsonModule: CheatFamily = {
  name: 'reward-json-module',
  channel: 'agent files in the folder from which the verifier imports',
  plantsAtNamedPaths: false,
  aim: 'takeover',
  build: (target) => {
    const paths = FOLDERS.flatMap((folder) => MODULES.map((name) => `${folder}/${name}.py`));
    return writes(unnamedPaths(target, paths), PRINT_AND_EXIT);
  },
};
