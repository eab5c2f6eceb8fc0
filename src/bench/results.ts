import { z } from 'zod';
import { FINDING_CODES, OUTCOMES } from '../rollouts/outcome.ts';
import { zAgentCode } from '../tasks/task.ts';

/**
 * `results.json`: the documented, versioned outcome of a run. docs/reference/results.md is made from
 * the descriptions here. Within a version fields are only added.
 */
export const RESULTS_SCHEMA = 'clawgym.results/v1';

/** Below this coverage a mean is marked incomplete. */
export const COMPLETE_COVERAGE = 0.98;
/** Final score from which a rollout counts as solved. */
export const SUCCESS_THRESHOLD = 1;

/** `undecided`: the run ended before this rollout did; missing data. */
export const RESULT_OUTCOMES = [...OUTCOMES, 'undecided'] as const;
export type ResultOutcome = (typeof RESULT_OUTCOMES)[number];

const zPart = z.number().nullable();
const zFraction = z.number().min(0).max(1);
const zCount = z.int().min(0);

const zMeans = z.object({
  flat: zPart.describe("Mean of the verifier's named values; null without a result."),
  native: zPart.describe("The verifier author's own reward, else the same as flat."),
  final: zPart.describe('Code and rubric by the weights of the task.'),
});
export type Means = z.infer<typeof zMeans>;

const zScore = zMeans.extend({
  rubric: zPart.describe("The judge's rubric score, where one judged."),
});

const zTokens = z.object({
  input: zCount.describe('Input tokens that the model endpoint reported.'),
  output: zCount.describe('Output tokens that the model endpoint reported.'),
  calls: zCount.describe('Model calls.'),
  unmetered: zCount.describe('Model calls without reported tokens: they count as 0 above.'),
});
export type Tokens = z.infer<typeof zTokens>;

const zFinding = z.object({
  code: z.enum(FINDING_CODES).describe('Stable code.'),
  message: z.string().describe('For people; may hold text that came out of a sandbox.'),
});

const zSample = z.object({
  rollout: z.string().describe('Id of the rollout, for `clawgym show`.'),
  sample: zCount.describe('Index among the samples of the task.'),
  outcome: z
    .enum(RESULT_OUTCOMES)
    .describe('Outcome class; `undecided` where the run ended first.'),
  reason: z.string().describe('CamelCase cause, empty where the outcome says it all.'),
  score: zScore.describe('Scores with protected inputs restored.'),
  asLeft: zScore
    .nullable()
    .describe(
      'Scores of the workspace as the agent left it; null where no protected input changed.',
    ),
  checks: z
    .record(z.string(), z.number())
    .describe("The verifier's named values. rollouts.jsonl has them as a list, in order."),
  findings: z.array(zFinding).describe('What a reader of the score must know.'),
  seconds: z.number().min(0).describe('Wall seconds of the agent, over all tries.'),
  tokens: zTokens.describe('Tokens of all tries.'),
  tries: zCount.describe('Attempts that were opened; more than 1 after infrastructure failures.'),
});
export type SampleResult = z.infer<typeof zSample>;

const zTaskResult = z.object({
  id: z.string(),
  digest: z.string().describe('SHA-256 of the task; runs are comparable where it is equal.'),
  category: z.string(),
  cluster: z
    .string()
    .describe('Generation lineage; often empty. Standard errors do not cluster by it yet.'),
  agentCode: zAgentCode
    .or(z.literal('unknown'))
    .describe('Whether the verifier runs what the agent wrote; `in-process` ones can be faked.'),
  mean: zMeans.describe("Mean over the task's samples with an agent's result."),
  attempts: z.array(zSample).describe('One entry a planned rollout of this task.'),
});
export type TaskResult = z.infer<typeof zTaskResult>;

const zInterval = z.object({
  level: z.number(),
  low: zFraction,
  high: zFraction,
  method: z
    .enum(['t', 'wilson'])
    .describe('Student t over task means, or Wilson where that degenerates.'),
  se: z.number().describe('Task-level standard error.'),
  n: zCount.describe('Tasks.'),
});

const zCategory = z.object({
  category: z.string(),
  tasks: zCount.describe('Gradable tasks of the category.'),
  mean: zMeans,
  success: zPart.describe('Share of solved rollouts, mean over tasks.'),
  coverage: zFraction,
});
export type CategoryResult = z.infer<typeof zCategory>;

export const ARM_KINDS = ['floor', 'ceiling', 'replay', 'program', 'model', 'cheat'] as const;

const zTraining = z.object({
  shared: z
    .array(z.string())
    .describe(
      'Tasks of this run that it was trained on, by their bytes or by the words to the agent.',
    ),
  unread: z
    .array(z.string())
    .describe(
      'Digests of models, exports and task sets of its past that could not be read: there may be more such tasks.',
    ),
});

const zArm = z.object({
  name: z.string(),
  kind: z
    .enum(ARM_KINDS)
    .describe(
      'Only `model` is a model result: floors do nothing useful, a replay is a recording, a program asks no model.',
    ),
  batch: z.string().describe('Id of the batch in the record store.'),
  specDigest: z.string().describe('SHA-256 of everything that decides the results of this arm.'),
  agent: z.object({ name: z.string(), version: z.string(), configDigest: z.string() }),
  model: z.string().nullable().describe('Model name; null for agents without one.'),
  training: zTraining
    .nullable()
    .default(null)
    .describe(
      'What a model of ours learned from, by its record and those of the models that it was made from; null where nothing is known.',
    ),
  mean: zMeans.describe("Mean over tasks of the task mean, of agents' results only."),
  interval: zInterval
    .nullable()
    .describe('Interval of mean.final for new tasks of the same source.'),
  success: z.object({
    threshold: z.number().describe('Final score from which a rollout is solved.'),
    rate: zPart.describe('Mean over tasks of the share of solved rollouts.'),
    interval: zInterval.nullable(),
  }),
  bounds: z
    .object({ low: zPart, high: zPart })
    .describe('mean.final if every missing rollout had scored 0, or 1.'),
  planned: zCount.describe('Planned rollouts, those that are not gradable left out.'),
  notGradable: zCount.describe('Rollouts left out of the plan, counted apart.'),
  coverage: zFraction.describe(
    "Share of `planned` with an agent's result; 0 where nothing is planned.",
  ),
  complete: z.boolean().describe(`True from a coverage of ${COMPLETE_COVERAGE}.`),
  outcomes: z.partialRecord(z.enum(RESULT_OUTCOMES), zCount).describe('Rollouts by outcome.'),
  tokens: zTokens.describe('Sum over all rollouts.'),
  seconds: z.number().min(0).describe('Wall seconds of all agents, one after the other.'),
  categories: z.array(zCategory),
  tasks: z.array(zTaskResult).describe('In the order of the task set.'),
});
export type ArmResult = z.infer<typeof zArm>;
export type ArmKind = ArmResult['kind'];

export const zResults = z.object({
  schema: z.literal(RESULTS_SCHEMA),
  name: z.string(),
  createdAt: z.iso.datetime(),
  product: z.object({ name: z.string(), version: z.string() }),
  taskSet: z.object({
    digest: z.string().describe('SHA-256 of the task set.'),
    tasks: zCount.describe('Tasks of the set that this run used.'),
  }),
  score: z.enum(['native', 'flat']).describe('Which code score goes into `final`.'),
  graders: z
    .array(z.object({ root: z.string(), python: z.string() }))
    .describe('What graded: digest of the runner root, or `host`, and its Python; each once.'),
  hostPython: z.boolean().describe('True where anything was graded with the Python of the host.'),
  command: z.string().describe('Command that made this run.'),
  parameters: z.record(z.string(), z.string()).describe('Limits, budgets and counts of the run.'),
  arms: z.array(zArm),
});
export type Results = z.infer<typeof zResults>;
