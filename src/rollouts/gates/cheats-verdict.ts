import { type CheatFamilyBound, cheatOfSample } from '../cheat-bounds.ts';
import {
  failed,
  type Line,
  passed,
  shown,
  type TaskFacts,
  TOLERANCE,
  type Verdict,
} from './verdict.ts';

const PARTS = ['flat', 'final'] as const;
const MAX_NAMED = 5;
const FLAG = 'VerifierRunsAgentCode';

export interface CheatRuns {
  readonly cheats: readonly Line[];
  readonly nop: readonly Line[];
  readonly lazy: readonly Line[];
}

/**
 * No cheat may score above its bound, neither flat (forged checks) nor final (forged reward). Where the
 * verifier loads agent code into its own process a cheat that plants files at the named paths cannot
 * be bounded: it must be flagged, and the task is.
 */
export function cheatsVerdict(task: TaskFacts, runs: CheatRuns): Verdict {
  const inProcess = task.agentCode === 'in-process';
  const faults: string[] = [];
  let bounded = 0;
  let free = 0;
  for (const line of runs.cheats) {
    const cheat = cheatOfSample(line.sample);
    if (cheat.bound === 'none') continue;
    if (inProcess && !line.findings.some((finding) => finding.startsWith(FLAG)))
      faults.push(`${cheat.family} is not flagged ${FLAG}`);
    if (inProcess && cheat.bound === 'lazy') {
      free += 1;
      continue;
    }
    bounded += 1;
    faults.push(...overBound(cheat, line, runs));
  }
  if (faults.length > 0) {
    const more = faults.length > MAX_NAMED ? `; ${faults.length - MAX_NAMED} more` : '';
    return failed(
      'CheatsPay',
      `${faults.slice(0, MAX_NAMED).join('; ')}${more}; let the verifier trust nothing that the agent wrote`,
    );
  }
  const within = `${bounded} families within their bounds`;
  if (!inProcess) return passed(within);
  return {
    status: 'True',
    reason: 'PassedInProcess',
    message: `${within}; ${free} that plant modules are not bounded, since the verifier runs agent code in its own process: its scores are flagged`,
  };
}

function overBound(cheat: CheatFamilyBound, line: Line, { nop, lazy }: CheatRuns): string[] {
  return PARTS.flatMap((part) => {
    const floors = cheat.bound === 'lazy' ? [...nop, ...lazy] : nop;
    const bound = Math.max(...floors.map((floor) => floor[part] ?? 0));
    const score = line[part];
    // A score that is missing is within no bound: nothing is shown by a failed rollout.
    return score !== null && score <= bound + TOLERANCE
      ? []
      : [`${cheat.family} earns ${part} ${shown(score)}, at most ${shown(bound)} is allowed`];
  });
}
