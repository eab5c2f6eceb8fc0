import { type CheatFamily, unnamedPaths, writes } from './cheat-family.ts';
import { SHADOWED } from './cwd-modules.ts';
import { PRINT_AND_EXIT } from './perfect-result.ts';

/** Library modules that others import where nobody sees it, such as `datetime` for `strptime`. */
const HIDDEN = ['_strptime', '_weakrefset', '_markupbase'];

/**
 * Library modules beside every Python program among the inputs, and packages of the programs' own names. A
 * program's own folder comes first on its path, and a package before a file, so a verifier that runs a given
 * tool runs the agent's `json`, or the agent's form of a module that the tool came with, in that process.
 */
export const siblingModules: CheatFamily = {
  name: 'sibling-modules',
  channel: 'programs of the task that the verifier runs import agent files that lie beside them',
  plantsAtNamedPaths: false,
  aim: 'takeover',
  revision: 2,
  build: (target) => {
    const inputs = target.task.workspace.inputs.map((input) => input.path);
    const programs = inputs.filter((path) => path.endsWith('.py'));
    const folders = new Set(programs.flatMap((path) => path.split('/').slice(0, -1).join('/')));
    const paths = [...folders].flatMap((folder) =>
      [...SHADOWED, ...HIDDEN].map((name) =>
        folder === '' ? `${name}.py` : `${folder}/${name}.py`,
      ),
    );
    const packages = programs.map((path) => `${path.slice(0, -'.py'.length)}/__init__.py`);
    return writes(unnamedPaths(target, [...paths, ...packages]), PRINT_AND_EXIT);
  },
};
