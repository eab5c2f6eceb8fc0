import { z } from 'zod';
import { zName, zText } from './fields.ts';
import { zAtomicList } from './lists.ts';
import { zStringMap } from './map-field.ts';
import { type Rule, withRules } from './rules.ts';

/** The agents of src/agents, by the names that users write. */
export const AGENT_NAMES = [
  'nop',
  'lazy',
  'solution',
  'cheat',
  'command',
  'pi',
  'openclaw',
] as const;
export type AgentName = (typeof AGENT_NAMES)[number];

const HARNESSES: readonly AgentName[] = ['pi', 'openclaw'];
const MODEL_FREE: readonly AgentName[] = ['nop', 'lazy', 'solution', 'cheat'];

const celList = (names: readonly string[]): string =>
  `[${names.map((name) => `'${name}'`).join(', ')}]`;

/** Which program does the tasks, and how it is configured. */
export const zAgent = withRules(
  z
    .object({
      name: z
        .enum(AGENT_NAMES)
        .describe(
          'nop changes nothing; lazy creates the named outputs as placeholders; solution applies the reference solution; cheat plants takeovers; command runs a program of yours; pi and openclaw are harnesses.',
        ),
      command: zAtomicList(zText(4096).describe('Program or argument.'), {
        min: 1,
        max: 64,
        description: 'Program and arguments of the agent "command"; no shell is involved.',
      }).optional(),
      family: zName()
        .optional()
        .describe('Which takeover family the agent "cheat" plays. Absent: every family in turn.'),
      version: zText(64)
        .regex(/^[0-9A-Za-z][0-9A-Za-z.+-]*$/, 'expected a version, for example "1.2.3"')
        .optional()
        .describe('Version of the harness. Absent: the pinned one.'),
      config: zStringMap({
        keyPattern: /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
        keyHint: 'keys of config are letters, digits, dots, dashes and underscores',
        maxKeyLength: 253,
        maxProperties: 64,
        maxValueLength: 4096,
        description: 'Settings of the agent; part of its configuration digest.',
      }).optional(),
    })
    .describe(
      'The agent: a black box that turns an instruction and a workspace into a changed workspace.',
    ),
  [
    {
      rule: "(self.name == 'command') == has(self.command)",
      message: 'command is required for the agent "command" and refused for every other',
      holds: (self) => (self.name === 'command') === (self.command !== undefined),
    },
    {
      rule: "!has(self.family) || self.name == 'cheat'",
      message: 'family is a setting of the agent "cheat" only',
      holds: (self) => self.family === undefined || self.name === 'cheat',
    },
    {
      rule: `!has(self.version) || self.name in ${celList(HARNESSES)}`,
      message: 'version is a setting of the harnesses pi and openclaw only',
      holds: (self) => self.version === undefined || HARNESSES.includes(self.name),
    },
  ],
);
export type AgentSpec = z.infer<typeof zAgent>;

/** What a spec or an arm that pairs an agent with a model must keep to. */
export const agentModelRules: readonly Rule<{
  readonly agent: { readonly name: AgentName };
  readonly model?: unknown;
}>[] = [
  {
    rule: `!(self.agent.name in ${celList(HARNESSES)}) || has(self.model)`,
    message: 'the agents pi and openclaw need a model',
    holds: (self) => !HARNESSES.includes(self.agent.name) || self.model !== undefined,
  },
  {
    rule: `!(self.agent.name in ${celList(MODEL_FREE)}) || !has(self.model)`,
    message: 'the agents nop, lazy, solution and cheat ask no model: leave model out',
    holds: (self) => !MODEL_FREE.includes(self.agent.name) || self.model === undefined,
  },
];
