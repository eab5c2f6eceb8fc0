import { tCritical } from './student-t.ts';

/** Probability that an interval states. */
export const INTERVAL_LEVEL = 0.95;
/** 97.5th percentile of the standard normal distribution. */
const Z = 1.959963984540054;

/**
 * An interval of a mean over tasks, for new tasks from the same source. `t`: task-level standard
 * error and Student's t with n - 1 degrees of freedom (Miller 2024, arXiv 2411.00640). `wilson`: the
 * Wilson score interval over n tasks, where the t interval would claim certainty (all task means
 * equal) or the task means are single successes and failures.
 */
export interface Interval {
  readonly level: number;
  readonly low: number;
  readonly high: number;
  readonly method: 't' | 'wilson';
  /** Task-level standard error of the mean. */
  readonly se: number;
  /** Tasks. */
  readonly n: number;
}

export function mean(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Middle value, of an even number the mean of the two middle ones; null of none. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return mean(sorted.slice(Math.ceil(half) - 1, Math.floor(half) + 1));
}

/** sqrt(sum (m_i - m)^2 / (N (N - 1))); task means already carry the noise of their samples. */
export function taskStandardError(taskMeans: readonly number[]): number | null {
  const n = taskMeans.length;
  const m = mean(taskMeans);
  if (m === null || n < 2) return null;
  const squares = taskMeans.reduce((sum, value) => sum + (value - m) ** 2, 0);
  return Math.sqrt(squares / (n * (n - 1)));
}

/** Wilson score interval of a share `p` of `n` trials. */
export function wilson(p: number, n: number): { readonly low: number; readonly high: number } {
  const z2 = Z * Z;
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (Z / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  // exact at the ends, where rounding would leave a trace
  return { low: p === 0 ? 0 : clamp(centre - half), high: p === 1 ? 1 : clamp(centre + half) };
}

/**
 * The interval of a mean over tasks; null for fewer than two tasks or means outside [0, 1].
 * `singleSample`: each task mean is one sample.
 */
export function meanInterval(taskMeans: readonly number[], singleSample: boolean): Interval | null {
  const m = mean(taskMeans);
  const se = taskStandardError(taskMeans);
  if (m === null || se === null || taskMeans.some((value) => value < 0 || value > 1)) return null;
  const n = taskMeans.length;
  const binary = singleSample && taskMeans.every((value) => value === 0 || value === 1);
  // rounding leaves a trace of variance where all values are the same
  if (binary || se < 1e-12) {
    return { level: INTERVAL_LEVEL, ...wilson(m, n), method: 'wilson', se, n };
  }
  const half = tCritical(INTERVAL_LEVEL, n - 1) * se;
  return { level: INTERVAL_LEVEL, low: clamp(m - half), high: clamp(m + half), method: 't', se, n };
}

const clamp = (value: number): number => Math.min(1, Math.max(0, value));
