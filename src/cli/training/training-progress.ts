import { join } from 'node:path';
import { newestMetrics, type TrainingMetrics } from '../../training/read-metrics.ts';
import { tailOf } from '../../training/tail-of.ts';
import { drawBar, formatSeconds, type ProgressTime } from '../progress.ts';
import type { StatusLine } from '../status-line.ts';

const REFRESH_MS = 500;
const PLAIN_EVERY_MS = 10_000;

/** A live view of a trainer that writes `metrics.jsonl` into `folder`; `stop` draws the last line. */
export function startTrainingProgress(
  folder: string,
  totalSteps: number | undefined,
  line: StatusLine,
  time: ProgressTime,
): { stop(): Promise<void> } {
  const meter = new TrainingMeter(totalSteps);
  let shown = '';
  const draw = async (): Promise<void> => {
    const metrics = newestMetrics(await tailOf(join(folder, 'metrics.jsonl')));
    const now = time.now();
    const text = meter.line(metrics, now, false);
    if (text === shown && !line.interactive) return;
    shown = text;
    line.draw(meter.line(metrics, now, true), text);
  };
  const stopTimer = time.every(line.interactive ? REFRESH_MS : PLAIN_EVERY_MS, () => void draw());
  return {
    stop: async () => {
      stopTimer();
      await draw();
      line.end();
    },
  };
}

/** Turns what the trainer reports into a line; the pace is that of this process alone. */
export class TrainingMeter {
  readonly #total: number | undefined;
  #first: { readonly at: number; readonly metrics: TrainingMetrics } | undefined;

  constructor(totalSteps: number | undefined) {
    this.#total = totalSteps;
  }

  /** `now` is monotonic milliseconds. */
  line(metrics: TrainingMetrics | undefined, now: number, bar: boolean): string {
    if (metrics === undefined) return 'the trainer is getting ready';
    this.#first ??= { at: now, metrics };
    const total = metrics.totalSteps ?? this.#total;
    const parts = [
      `step ${metrics.step}${total === undefined ? '' : `/${total}`}`,
      metrics.loss === undefined ? '' : `loss ${metrics.loss.toFixed(4)}`,
      this.#pace(metrics, now),
      this.#left(metrics, total, now),
    ].filter((part) => part !== '');
    const drawn = bar && total !== undefined ? `${drawBar(metrics.step, total)} ` : '';
    return drawn + parts.join(' · ');
  }

  #pace({ tokens, tokensPerSecond }: TrainingMetrics, now: number): string {
    if (tokensPerSecond !== undefined) return `${Math.round(tokensPerSecond)} tokens/s`;
    const first = this.#first;
    const before = first?.metrics.tokens;
    if (first === undefined || tokens === undefined || before === undefined) return '';
    if (now <= first.at || tokens <= before) return '';
    return `${Math.round(((tokens - before) * 1000) / (now - first.at))} tokens/s`;
  }

  #left({ step }: TrainingMetrics, total: number | undefined, now: number): string {
    const first = this.#first;
    if (first === undefined || total === undefined || step >= total) return '';
    const done = step - first.metrics.step;
    return done <= 0
      ? ''
      : `ETA ${formatSeconds((((now - first.at) / done) * (total - step)) / 1000)}`;
  }
}
