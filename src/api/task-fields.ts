import { z } from 'zod';
import { zDecimal, zInt32, zPids, zRelativePath, zText } from './fields.ts';
import { zAtomicList, zListMap, zScalarSet } from './lists.ts';
import { zStringMap } from './map-field.ts';
import { exactlyOneOf, withRules } from './rules.ts';

/** Longest content of one inline file in characters; the whole object must fit into etcd. */
export const MAX_INLINE_CHARS = 524_288;

const fileShape = {
  path: zRelativePath.describe('Path relative to its root.'),
  text: z.string().max(MAX_INLINE_CHARS).optional().describe('Content as text.'),
  base64: z
    .string()
    .max(MAX_INLINE_CHARS)
    .regex(/^[A-Za-z0-9+/]*={0,2}$/, 'expected base64 without line breaks')
    .optional()
    .describe('Content as base64, for binary files.'),
  executable: z.boolean().default(false).describe('Whether the file may be executed.'),
};
const oneContent = exactlyOneOf(['text', 'base64'], 'a file');

const zInlineFile = withRules(z.object(fileShape).describe('A file with its content.'), [
  oneContent,
]);

const MAX_FILES = 256;

export const zInlineFiles = (description: string) =>
  zListMap(zInlineFile, 'path', { max: MAX_FILES, description }).optional();

const zInput = withRules(
  z
    .object({
      ...fileShape,
      mode: z
        .enum(['protected', 'editable'])
        .describe(
          "protected: graded against the task's own copy; editable: changing it is part of the job.",
        ),
    })
    .describe('An input file of the workspace.'),
  [oneContent],
);

export const zEnvVars = (description: string) =>
  zStringMap({
    keyPattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
    keyHint: 'expected names of environment variables',
    maxKeyLength: 256,
    maxProperties: 64,
    maxValueLength: 4096,
    description,
  }).optional();

export const zInstruction = z
  .object({
    turns: zAtomicList(
      z
        .object({
          text: zText(65_536).describe('What the user says.'),
          session: z
            .enum(['continue', 'new'])
            .default('continue')
            .describe('new: the harness starts a fresh conversation for this turn.'),
        })
        .describe('One user message.'),
      { min: 1, max: 32, description: 'User messages in order.' },
    ),
  })
  .describe('What the agent is asked to do.');

/** As in tasks/task.ts; which places are taken is known there alone. */
const WORKSPACE_PATH =
  /^(\/([A-Za-z0-9_-][A-Za-z0-9._-]*|\.[A-Za-z0-9_-][A-Za-z0-9._-]*|\.\.[A-Za-z0-9._-]+))+$/;

export const zWorkspace = z
  .object({
    path: z
      .string()
      .max(1024)
      .regex(
        WORKSPACE_PATH,
        'expected an absolute path of letters, digits, ".", "_", "-" and "/", without empty, "." or ".." segments',
      )
      .default('/workspace')
      .describe('Absolute path at which agent and verifier see the workspace.'),
    inputs: zListMap(zInput, 'path', { max: MAX_FILES, description: 'Input files.' }).optional(),
  })
  .describe('The folder that the agent works in.');

export const zOutputs = zListMap(
  z
    .object({
      path: zRelativePath.describe('Path relative to the workspace.'),
      format: z
        .enum([
          'text',
          'markdown',
          'json',
          'jsonl',
          'csv',
          'tsv',
          'yaml',
          'xml',
          'html',
          'python',
          'binary',
        ])
        .describe('Form of the content.'),
      order: z
        .enum(['strict', 'any'])
        .default('strict')
        .describe('Whether the order of rows or keys matters.'),
      numericTolerance: zDecimal
        .optional()
        .describe('Allowed numeric difference as a decimal string. Absent: exact.'),
    })
    .describe('A declared output.'),
  'path',
  { max: MAX_FILES, description: 'What the instruction promises will exist.' },
).optional();

export const zVerifier = z
  .object({
    dialect: z
      .enum(['check-json', 'reward-sh', 'pinchbench', 'harbor'])
      .describe(
        'check-json: prints one JSON object of named numbers; reward-sh: prints a score last; pinchbench: defines grade(transcript, workspace_path); harbor: writes a reward file.',
      ),
    entry: zRelativePath.describe('Path of the program among files.'),
    files: zListMap(zInlineFile, 'path', {
      min: 1,
      max: MAX_FILES,
      description: 'Files of the verifier.',
    }),
    env: zEnvVars('Environment variables of the verifier.'),
  })
  .describe('A code verifier. It runs in a sandbox of its own, after the agent is gone.');

const zAnchor = zText(8192);

export const zRubric = zListMap(
  z
    .object({
      name: zText(253).describe('Name of the rule.'),
      path: zRelativePath.optional().describe('File that the rule is about.'),
      text: zText(16_384).optional().describe('The rule in free text.'),
      anchors: z
        .object({
          none: zAnchor.describe('What earns 0.'),
          low: zAnchor.describe('What earns 0.25.'),
          half: zAnchor.describe('What earns 0.5.'),
          high: zAnchor.describe('What earns 0.75.'),
          full: zAnchor.describe('What earns 1.'),
        })
        .optional()
        .describe('The five bands of the rule.'),
      weight: zDecimal.default('1').describe('Relative weight as a decimal string.'),
    })
    .describe('A rule that a judge grades.'),
  'name',
  { min: 1, max: 64, description: 'Rules for the judge.' },
).optional();

export const zSolution = z
  .object({
    files: zInlineFiles('Files that are laid over the workspace.'),
    script: zRelativePath
      .optional()
      .describe('One of files, run with bash in the workspace. Absent: the files are copied.'),
  })
  .describe('A reference solution.');

export const zEnvironment = z
  .object({
    image: zText(512)
      .optional()
      .describe("Container image of the task's own. Absent: the agent's."),
    network: z
      .enum(['none', 'public', 'allowlist'])
      .default('none')
      .describe('What the agent may reach beside the model.'),
    limits: z
      .object({
        cpuMillis: zInt32(1).optional().describe('CPU in thousandths of a core.'),
        memoryMiB: zInt32(1).optional().describe('Memory.'),
        diskMiB: zInt32(1).optional().describe('Disk.'),
        pids: zPids.optional().describe('Processes.'),
      })
      .prefault({})
      .describe('Limits that the task asks for.'),
    needs: zScalarSet(zText(63).describe('A need, for example "web".'), {
      max: 32,
      description: 'What the task needs that a plain sandbox lacks.',
    }).optional(),
    env: zEnvVars('Environment variables of the agent.'),
  })
  .describe('Where the agent runs.');
