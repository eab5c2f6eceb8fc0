import type { SynthesisRecord } from '../../synthesis/record.ts';
import { isEnd, STAGES } from '../../synthesis/stage-names.ts';
import { drawBar, type ProgressTime } from '../progress.ts';
import type { StatusLine } from '../status-line.ts';

const REFRESH_MS = 200;
const PLAIN_EVERY_MS = 10_000;

/** A live view of a synthesis; `stop` leaves the terminal clean. */
export function startSynthesisProgress(
  target: number,
  records: () => readonly SynthesisRecord[],
  line: StatusLine,
  time: ProgressTime,
): { readonly stop: () => void } {
  const draw = (): void => {
    const now = records();
    line.draw(synthesisLine(target, now, true), synthesisLine(target, now, false));
  };
  const stopTimer = time.every(line.interactive ? REFRESH_MS : PLAIN_EVERY_MS, draw);
  return {
    stop: () => {
      stopTimer();
      draw();
      line.end();
    },
  };
}

/** `[████░░] 12/24 accepted · 5 rejected · 2 draft · 3 gates`. */
export function synthesisLine(
  target: number,
  records: readonly SynthesisRecord[],
  bar: boolean,
): string {
  const at = (name: string): number => records.filter(({ stage }) => stage === name).length;
  const accepted = at('accepted');
  const parts = [`${accepted}/${target} accepted`, `${at('rejected')} rejected`];
  if (records.some(({ stage }) => !isEnd(stage))) {
    for (const stage of STAGES) if (at(stage) > 0) parts.push(`${at(stage)} ${stage}`);
  }
  return (bar ? `${drawBar(accepted, target)} ` : '') + parts.join(' · ');
}
