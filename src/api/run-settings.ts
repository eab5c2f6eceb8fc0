import { z } from 'zod';
import { zCount, zInt32, zPids, zSeconds, zText } from './fields.ts';

/** Ends an episode; the work so far is graded all the same. Absent fields: no bound. */
export const zBudgets = z
  .object({
    turns: zInt32(1).optional().describe('Model calls of one attempt.'),
    tokens: zCount.min(1).optional().describe('Input and output tokens of one attempt.'),
    seconds: zSeconds(1).optional().describe('Seconds of one attempt, within its time-out.'),
  })
  .describe(
    'Budgets of one attempt. A used-up budget ends the episode; the work so far is graded.',
  );

export const zLimits = z
  .object({
    timeoutPercent: zInt32(1, 10_000)
      .default(100)
      .describe("Percent of each task's own agent time-out."),
    cpuMillis: zInt32(1).optional().describe('CPU of one attempt in thousandths of a core.'),
    memoryMiB: zInt32(1).optional().describe('Memory of one attempt.'),
    diskMiB: zInt32(1).optional().describe('Disk of one attempt.'),
    pids: zPids.optional().describe('Processes of one attempt.'),
    snapshotMiB: zInt32(1, 65_536).default(64).describe('Largest workspace that is kept.'),
    snapshotEntries: zInt32(1, 10_000_000)
      .default(10_000)
      .describe('Most files and folders of a workspace that is kept.'),
  })
  .describe(
    "Limits of one attempt for tasks that name none; absent fields: the engine's defaults.",
  );

export const zRetries = z
  .object({
    infraRetries: zInt32(0, 100)
      .default(2)
      .describe('Further attempts after infrastructure failures.'),
    disruptionLimit: zInt32(0, 10_000)
      .default(20)
      .describe('Further attempts after disruptions such as a lost node or a killed engine.'),
  })
  .describe("Attempts after failures that are not the agent's. A low score is never retried.");

export const zVerification = z
  .object({
    score: z
      .enum(['native', 'flat'])
      .default('native')
      .describe(
        "native: the verifier's own reward where it gives one, else the mean of its checks; flat: the mean of all its values.",
      ),
  })
  .describe('How workspaces are graded.');

/**
 * What RolloutBatch and BenchRun share. Fields that decide what a score means, or that the server
 * keeps with the plan, are immutable (see IMMUTABLE_SETTINGS); those that steer a run may change.
 */
export const runSettings = {
  parallelism: zInt32(1, 100_000)
    .optional()
    .describe("Rollouts at a time. Absent: the engine's choice. May change during a run."),
  limits: zLimits.prefault({}),
  retries: zRetries.prefault({}),
  verification: zVerification.prefault({}),
  gatewayLossSeconds: zSeconds(1, 3600)
    .default(120)
    .describe('How long an attempt outlives the loss of the gateway.'),
  claimWaitSeconds: zSeconds(1, 3600)
    .default(120)
    .describe('How long a new attempt waits for the end of its predecessor.'),
  startDeadlineSeconds: zSeconds(1, 86_400)
    .default(600)
    .describe('Longest time from scheduling to the start of the agent, image pull included.'),
  suspend: z
    .boolean()
    .default(false)
    .describe('True: nothing runs and nothing new starts; finished work is kept.'),
  activeDeadlineSeconds: zSeconds(1)
    .optional()
    .describe(
      'Seconds after its start at which the whole run fails; counted anew when a suspended run goes on. Absent: none.',
    ),
  ttlSecondsAfterFinished: zSeconds(0)
    .optional()
    .describe('Seconds after its end at which the object is deleted. Absent: kept.'),
  managedBy: zText(63)
    .regex(
      /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
      'expected a domain-prefixed name such as "example.com/controller"',
    )
    .optional()
    .describe('Controller that owns this object. Absent: clawgym.io/operator.'),
};

/** Settings that decide what the results mean, or that a batch keeps as it was planned. */
export const IMMUTABLE_SETTINGS = [
  'limits',
  'retries',
  'verification',
  'gatewayLossSeconds',
  'claimWaitSeconds',
  'managedBy',
] as const;
