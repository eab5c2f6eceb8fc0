import type { EngineObserver } from '../engines/engine.ts';
import type { Outcome } from '../rollouts/outcome.ts';
import type { RolloutRow } from '../store/records.ts';
import type { StatusLine } from './status-line.ts';

export interface ProgressCounts {
  readonly planned: number;
  /** Decided before this process started. */
  readonly decidedBefore: number;
  /** Most that run at a time; some more are opened ahead and wait. */
  readonly parallelism: number;
}

/** A live view of a run; `stop` leaves the terminal clean. */
export interface Progress extends EngineObserver {
  stop(): void;
}

const BAR_WIDTH = 24;
const REFRESH_MS = 200;
const PLAIN_EVERY_MS = 10_000;

interface ProgressState {
  readonly counts: ProgressCounts;
  readonly startedAt: number;
  readonly running: Set<string>;
  readonly outcomes: Map<Outcome, number>;
  decided: number;
  retries: number;
}

/** `every` starts a repeating timer and returns its stop function; `now` is monotonic ms. */
export interface ProgressTime {
  now(): number;
  every(ms: number, tick: () => void): () => void;
}

export function startProgress(
  counts: ProgressCounts,
  line: StatusLine,
  time: ProgressTime,
): Progress {
  const state: ProgressState = {
    counts,
    startedAt: time.now(),
    running: new Set(),
    outcomes: new Map(),
    decided: counts.decidedBefore,
    retries: 0,
  };
  const draw = (): void => {
    const text = progressText(state, time.now());
    line.draw(`${drawBar(state.decided, counts.planned)} ${text}`, text);
  };
  const stopTimer = time.every(line.interactive ? REFRESH_MS : PLAIN_EVERY_MS, draw);
  return {
    started: (rollout) => void state.running.add(rollout.id),
    retried: () => {
      state.retries += 1;
    },
    decided: (rollout) => note(state, rollout),
    stop: () => {
      stopTimer();
      draw();
      line.end();
    },
  };
}

function note(state: ProgressState, rollout: RolloutRow): void {
  state.running.delete(rollout.id);
  state.decided += 1;
  const outcome = rollout.decision?.outcome;
  if (outcome) state.outcomes.set(outcome, (state.outcomes.get(outcome) ?? 0) + 1);
}

function progressText(state: ProgressState, now: number): string {
  const { planned, parallelism } = state.counts;
  const running = Math.min(state.running.size, parallelism);
  const parts = [`${state.decided}/${planned}`, `${running} running`];
  for (const [outcome, count] of state.outcomes) parts.push(`${count} ${outcome}`);
  if (state.retries > 0) parts.push(`${state.retries} retried`);
  const eta = etaSeconds(state, now);
  if (eta !== undefined) parts.push(`ETA ${formatSeconds(eta)}`);
  return parts.join(' · ');
}

/** A bar of fixed width. */
export function drawBar(done: number, planned: number): string {
  const filled = planned === 0 ? BAR_WIDTH : Math.round((done / planned) * BAR_WIDTH);
  return `[${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}]`;
}

/** From the pace of this process alone: what an earlier one decided took no time here. */
function etaSeconds(state: ProgressState, now: number): number | undefined {
  const here = state.decided - state.counts.decidedBefore;
  const left = state.counts.planned - state.decided;
  if (here === 0 || left === 0) return undefined;
  return (((now - state.startedAt) / here) * left) / 1000;
}

/** 75 -> "1m15s", as kubectl prints ages. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${whole % 60}s`;
  return `${Math.floor(whole / 3600)}h${Math.floor((whole % 3600) / 60)}m`;
}
