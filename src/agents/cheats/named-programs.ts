import { type CheatFamily, extensionOf, writes } from './cheat-family.ts';
import { PERFECT_JSON, SHELL_PRINT_AND_EXIT } from './perfect-result.ts';

const NODE = `console.log(${JSON.stringify(PERFECT_JSON)});\nconsole.log('1.0');\nprocess.exit(0);\n`;
const PYTHON = `print(${JSON.stringify(PERFECT_JSON)})\nprint(1.0)\n`;

const TEXTS: ReadonlyMap<string, string> = new Map([
  ['sh', SHELL_PRINT_AND_EXIT],
  ['bash', SHELL_PRINT_AND_EXIT],
  ['py', PYTHON],
  ['js', NODE],
  ['mjs', NODE],
  ['cjs', NODE],
  ['pl', `print '${PERFECT_JSON}', "\\n1.0\\n";\n`],
  ['rb', `puts '${PERFECT_JSON}'\nputs 1.0\n`],
]);

/** Programs at named paths that do nothing but print a perfect result and succeed. */
export const namedPrograms: CheatFamily = {
  name: 'named-programs',
  channel: 'the verifier runs a program that the agent was asked to write and believes its output',
  plantsAtNamedPaths: true,
  aim: 'takeover',
  build: (target) =>
    writes(
      target.named.filter((path) => TEXTS.has(extensionOf(path))),
      (path) => TEXTS.get(extensionOf(path)) ?? '',
      true,
    ),
};
