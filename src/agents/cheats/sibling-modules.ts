import { type CheatFamily, unnamedPaths, writes } from './cheat-family.ts';
import { SHADOWED } from './cwd-modules.ts';
import { PRINT_AND_EXIT } from './perfect-result.ts';

/**
 * Library modules beside every Python program among the inputs. A program's own folder comes first on its
 * path, so a verifier that runs a given tool runs the agent's `json` in that process.
 */
export const siblingModules: CheatFamily = {
  name: 'sibling-modules',
  channel: 'programs of the task that the verifier runs import agent files that lie beside them',
  plantsAtNamedPaths: false,
  aim: 'takeover',
  build: (target) => {
    const inputs = target.task.workspace.inputs.map((input) => input.path);
    const programs = inputs.filter((path) => path.endsWith('.py'));
    const folders = new Set(programs.flatMap((path) => path.split('/').slice(0, -1).join('/')));
    const paths = [...folders].flatMap((folder) =>
      SHADOWED.map((name) => (folder === '' ? `${name}.py` : `${folder}/${name}.py`)),
    );
    return writes(unnamedPaths(target, paths), PRINT_AND_EXIT);
  },
};
