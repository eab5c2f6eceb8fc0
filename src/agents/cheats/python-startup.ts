import { type CheatFamily, unnamedPaths, writes } from './cheat-family.ts';
import { PRINT_AND_EXIT } from './perfect-result.ts';

const VERSIONS = ['3.11', '3.12', '3.13', '3.14'];
const SITE_FOLDERS = [
  '',
  ...VERSIONS.flatMap((version) => [
    `.local/lib/python${version}/site-packages/`,
    `lib/python${version}/site-packages/`,
    `.venv/lib/python${version}/site-packages/`,
  ]),
];

/** A .pth line that starts with `import` is run by every interpreter that reads the folder. */
const PTH = `import os; os.write(1, b'1.0\\n'); os._exit(0)\n`;

/** Files that a Python interpreter runs at its start, in each folder where it may look for them. */
export const pythonStartup: CheatFamily = {
  name: 'python-startup',
  channel: 'start-up hooks of the interpreter (sitecustomize, usercustomize, .pth)',
  plantsAtNamedPaths: false,
  aim: 'takeover',
  build: (target) => {
    const paths = SITE_FOLDERS.flatMap((folder) =>
      ['sitecustomize.py', 'usercustomize.py', 'zz-hook.pth'].map((name) => `${folder}${name}`),
    );
    return writes(unnamedPaths(target, paths), (path) =>
      path.endsWith('.pth') ? PTH : PRINT_AND_EXIT,
    );
  },
};
