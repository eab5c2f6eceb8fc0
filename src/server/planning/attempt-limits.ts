import type { Task } from '../../tasks/task.ts';
import type { BatchSettings, SandboxDefaults } from './batch-settings.ts';

type Timed = Pick<Task, 'timeouts'>;

/** Size of every sandbox's /tmp. */
export const TMP_MIB = 256;

/** Most seconds of an agent: timers of the runtime end at once where they are set beyond 24.8 days. */
const MAX_AGENT_SECONDS = 2_000_000;

/** The harness's own deadline: the task's time-out scaled by the run, cut by the time budget. */
export function agentDeadline(task: Timed, settings: BatchSettings): number {
  const scaled = scaledTimeout(task, settings);
  return Math.min(scaled, settings.budgets.seconds ?? scaled);
}

/** True where the deadline that ended an agent was the run's time budget, not the task's time-out. */
export function isTimeBudget(task: Timed, settings: BatchSettings): boolean {
  const { seconds } = settings.budgets;
  return seconds !== undefined && seconds < scaledTimeout(task, settings);
}

function scaledTimeout(task: Timed, settings: BatchSettings): number {
  const scaled = Math.ceil((task.timeouts.agentSeconds * settings.timeoutPercent) / 100);
  return Math.min(scaled, MAX_AGENT_SECONDS);
}

/** The task's own limits, else the run's; memory never below what the harness needs. */
export function attemptLimits(
  task: Task,
  settings: BatchSettings,
  harnessMiB: number,
): SandboxDefaults {
  const own = task.environment.limits;
  const defaults = settings.limits;
  return {
    memoryMiB: Math.max(own.memoryMiB ?? defaults.memoryMiB, harnessMiB),
    cpuMillis: own.cpuMillis ?? defaults.cpuMillis,
    pids: own.pids ?? defaults.pids,
    diskMiB: own.diskMiB ?? defaults.diskMiB,
  };
}
