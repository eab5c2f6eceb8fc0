import { plainText } from '../base/plain-text.ts';
import type { RolloutRow } from '../store/records.ts';

const MAX_CHECKS = 40;
const MAX_NAME = 80;

/** What one rollout of a gate run came to, for a repair: checks by name and value, or how it failed. */
export function gateNote(agent: string, { sample, decision }: RolloutRow, words: string): string {
  const place = `agent ${agent}, sample ${sample}`;
  if (decision === undefined) return `${place}: undecided`;
  const { outcome, reason, checks } = decision;
  const said = words === '' ? '' : `; last words: ${plainText(words, 400)}`;
  const because = reason === '' ? '' : ` (${reason})`;
  if (checks.length === 0) return `${place}: ${outcome}${because}, no check was printed${said}`;
  const shown = checks
    .slice(0, MAX_CHECKS)
    .map(({ name, value }) => `${plainText(name, MAX_NAME)}=${value}`);
  return `${place}: ${outcome}${because}: ${shown.join(', ')}${said}`;
}
