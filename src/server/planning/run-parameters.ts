import type { FixedSampling } from '../../gateway/chat-request.ts';
import type { BatchSettings, EpisodeBudgets } from './batch-settings.ts';

/** What is said of one arm among the parameters of a run. */
export interface ArmParameters {
  readonly name: string;
  readonly budgets: EpisodeBudgets;
  /** Undefined for an arm without a model. */
  readonly sampling: FixedSampling | undefined;
}

/** The limits, budgets and counts that a report names, in words. */
export function runParameters(
  samples: number,
  settings: Omit<BatchSettings, 'budgets'>,
  arms: readonly ArmParameters[],
): Record<string, string> {
  const { limits, retries, snapshot } = settings;
  const sampled = arms.flatMap(({ name, sampling }) =>
    sampling === undefined ? [] : [{ name, words: samplingWords(sampling) }],
  );
  return {
    samples: String(samples),
    timeoutPercent: String(settings.timeoutPercent),
    budgets: byArm(arms.map(({ name, budgets }) => ({ name, words: budgetWords(budgets) }))),
    ...(sampled.length > 0 && { sampling: byArm(sampled) }),
    sandbox: `${limits.cpuMillis}m CPU, ${limits.memoryMiB} MiB memory, ${limits.diskMiB} MiB disk, ${limits.pids} processes`,
    snapshot: `${snapshot.totalBytes / 1024 / 1024} MiB, ${snapshot.entries} entries`,
    retries: `${retries.infraRetries} after infrastructure failures, ${retries.disruptionLimit} after disruptions`,
  };
}

interface ArmWords {
  readonly name: string;
  readonly words: string;
}

/** Said once where it holds for all. */
function byArm(arms: readonly ArmWords[]): string {
  const [first] = new Set(arms.map(({ words }) => words));
  return arms.every(({ words }) => words === first)
    ? (first ?? 'none')
    : arms.map(({ name, words }) => `${name}: ${words}`).join('; ');
}

function budgetWords({ turns, tokens, seconds }: EpisodeBudgets): string {
  const words = [
    ...(turns === undefined ? [] : [`${turns} model calls`]),
    ...(tokens === undefined ? [] : [`${tokens} tokens`]),
    ...(seconds === undefined ? [] : [`${seconds} s`]),
  ];
  return words.length === 0 ? 'none' : words.join(', ');
}

function samplingWords(sampling: FixedSampling): string {
  const words = Object.entries(sampling).map(([name, value]) => `${name} ${value}`);
  return words.length === 0 ? "the agent's own" : words.join(', ');
}
