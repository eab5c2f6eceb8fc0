import { z } from 'zod';
import { asSha256, isSha256, type Sha256 } from '../base/brand.ts';
import { TASK_ID_PATTERN, zSafePath } from './task-paths.ts';
import { zDecimal, zEnv, zLimit, zPids, zText } from './task-values.ts';
import { workspacePlaceProblem } from './workspace-place.ts';

/**
 * The one task model. Every importer ends here, every exporter starts here, every phase reads it.
 * File contents are not inlined: a file is named by digest and lives in the task set's blobs.
 */
export const TASK_SCHEMA = 'clawgym.task/v1';

const zSha256 = z
  .string()
  .refine(isSha256, 'expected 64 lower-case hex digits')
  .transform((value): Sha256 => asSha256(value));

/** A file of a task: path relative to its root (workspace, verifier or solution directory). */
export const zTaskFile = z.strictObject({
  path: zSafePath,
  digest: zSha256,
  /** Bytes. */
  size: z.int().min(0),
  executable: z.boolean().default(false),
});
export type TaskFile = z.infer<typeof zTaskFile>;

/**
 * An input of the workspace. `protected`: graded against the task's own copy (design: rollouts.md 7).
 * `editable`: changing it is part of the job, so the agent's copy is graded.
 */
export const zInputFile = zTaskFile.extend({ mode: z.enum(['protected', 'editable']) });
export type InputFile = z.infer<typeof zInputFile>;

/** One user message. `newSession`: the harness starts a fresh conversation for it. */
export const zTurn = z.strictObject({
  text: zText,
  newSession: z.boolean().default(false),
});

/** A declared output: what the instruction promises will exist, and how it may vary. */
export const zOutput = z.strictObject({
  path: zSafePath,
  format: z.enum([
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
  ]),
  orderMatters: z.boolean().default(true),
  /** Decimal string, for example "0.01"; absent: exact. */
  numericTolerance: zDecimal.optional(),
});
export type TaskOutput = z.infer<typeof zOutput>;

/** Whether a verifier runs what the agent wrote (design: rollouts.md 7), by static scan. */
export const zAgentCode = z.enum(['none', 'child', 'in-process']);
export type AgentCode = z.infer<typeof zAgentCode>;

/**
 * A code verifier.
 * - `check-json`: `python3 ENTRY WORKSPACE` prints one JSON object of named numbers (or one number).
 * - `reward-sh`: `bash ENTRY`; the last non-empty stdout line is the score.
 * - `pinchbench`: ENTRY defines `grade(transcript, workspace_path) -> dict` of numbers.
 * - `harbor`: `bash ENTRY` writes /logs/verifier/reward.json or reward.txt.
 */
export const zCodeVerifier = z.strictObject({
  dialect: z.enum(['check-json', 'reward-sh', 'pinchbench', 'harbor']),
  entry: zSafePath,
  files: z.array(zTaskFile).min(1),
  agentCode: zAgentCode,
  env: zEnv.default({}),
});
export type CodeVerifier = z.infer<typeof zCodeVerifier>;

/**
 * One rubric rule. `anchors` (the reference's five bands) may be absent for free-text rubrics such as
 * PinchBench's, where `text` holds the rule.
 */
export const zRubricRule = z.strictObject({
  name: zText,
  path: zSafePath.optional(),
  text: zText.or(z.literal('')).optional(),
  anchors: z
    .strictObject({ '0': zText, '0.25': zText, '0.5': zText, '0.75': zText, '1': zText })
    .optional(),
  /** Relative weight as a decimal string. */
  weight: zDecimal.default('1'),
});

/** The reference solution: files laid over the workspace, then an optional script run in it. */
export const zSolution = z.strictObject({
  files: z.array(zTaskFile).default([]),
  /** Path of one of `files` under the solution root, run with bash in the workspace; absent: copy. */
  script: zSafePath.optional(),
});

export const zEnvironment = z.strictObject({
  /** Container image of the task's own; absent: the agent's image. */
  image: z.string().min(1).optional(),
  network: z.enum(['none', 'public', 'allowlist']).default('none'),
  limits: z
    .strictObject({
      cpuMillis: zLimit.optional(),
      memoryMiB: zLimit.optional(),
      diskMiB: zLimit.optional(),
      pids: zPids.optional(),
    })
    .prefault({}),
  /** Build context of the task's own image (Dockerfile and what it copies), for image builders. */
  build: z.strictObject({ files: z.array(zTaskFile).min(1) }).optional(),
  /** What the task needs that a plain sandbox lacks, for example "web", "vision", "pdf". */
  needs: z.array(z.string()).default([]),
  /** Environment variables of the agent's phase. */
  env: zEnv.default({}),
});

export const zTask = z.strictObject({
  schema: z.literal(TASK_SCHEMA),
  /** Unique in its task set. */
  id: z
    .string()
    .regex(
      TASK_ID_PATTERN,
      'expected at most 128 letters, digits, ".", "_" and "-", the first a letter or digit',
    ),
  instruction: z.strictObject({ turns: z.array(zTurn).min(1) }),
  workspace: z.strictObject({
    /** Absolute path at which agent and verifier see the workspace. */
    path: z
      .string()
      .regex(/^\/[A-Za-z0-9._/-]{1,1023}$/, {
        error: 'expected an absolute path of at most 1024 letters, digits, ".", "_", "-" and "/"',
        abort: true,
      })
      .superRefine((path, context) => {
        const message = workspacePlaceProblem(path);
        if (message !== undefined) context.addIssue({ code: 'custom', message });
      }),
    inputs: z.array(zInputFile),
  }),
  outputs: z.array(zOutput).default([]),
  verifier: zCodeVerifier.optional(),
  rubric: z.array(zRubricRule).min(1).optional(),
  /** Weights of the hybrid score as decimal strings; used only where both halves exist. */
  weights: z
    .strictObject({ code: zDecimal, rubric: zDecimal })
    .refine(({ code, rubric }) => Number(code) + Number(rubric) > 0, 'expected a sum above 0')
    .default({ code: '0.7', rubric: '0.3' }),
  solution: zSolution.optional(),
  environment: zEnvironment.prefault({}),
  timeouts: z
    .strictObject({
      /** At most a week. */
      agentSeconds: z.int().min(1).max(604_800).default(900),
      /** At most a day. */
      verifierSeconds: z.int().min(1).max(86_400).default(60),
    })
    .prefault({}),
  category: z.string().default(''),
  /** Generation lineage, the unit of clustered errors and of splits. */
  cluster: z.string().default(''),
  licence: z.string().default(''),
  /** Foreign fields that an exporter needs to write the task back without loss. Part of the digest. */
  extra: z.record(z.string(), z.unknown()).default({}),
  /** Where the task came from: format, source path, row. Not part of the digest. */
  provenance: z.record(z.string(), z.unknown()).default({}),
});
export type Task = z.infer<typeof zTask>;
/** What an importer writes; defaults are filled by `zTask.parse`. */
export type TaskInput = z.input<typeof zTask>;
