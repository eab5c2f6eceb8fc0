import { sha256 } from '../../../src/base/digest.ts';
import { CHEAT_BOUNDS } from '../../../src/rollouts/cheat-bounds.ts';
import type { GateRun } from '../../../src/rollouts/gates/gate-runs.ts';
import type { Line, RunRows } from '../../../src/rollouts/gates/verdict.ts';
import type { Candidate } from '../../../src/synthesis/candidate.ts';
import type { GateReport, GateRunner } from '../../../src/synthesis/gate-runner.ts';

/**
 * What sandboxes find of the fallible generator's tasks, told from their texts: unit tests of the stages
 * need no sandbox, and the claim shows with real ones that it is so.
 */
export const PLAYED_GATES: GateRunner = {
  run: async (candidate, plans): Promise<GateReport> => {
    const verifier = await textOf(candidate, candidate.entry.task.verifier?.files);
    const solution = await textOf(candidate, candidate.entry.task.solution?.files);
    const runs: Partial<Record<GateRun, RunRows>> = {};
    const notes: string[] = [];
    for (const { run, samples } of plans) {
      const rows = Array.from({ length: samples }, (_, sample) =>
        play(run, sample, verifier, solution),
      );
      runs[run] = { kind: 'rows', rows, place: 'here' };
      notes.push(...rows.map(({ sample, final }) => `${run} ${sample}: ${final}`));
    }
    return { runs, notes };
  },
};

function play(run: GateRun, sample: number, verifier: string, solution: string): Line {
  if (verifier.includes('RuntimeError')) return line(sample, null, 'verifier_error', verifier);
  if (verifier.includes('"done": 1.0')) return line(sample, 1, 'scored', verifier);
  if (run === 'lazy') return line(sample, verifier.includes('exists() else') ? 1 : 0);
  if (run === 'solution') {
    const checks = verifier.includes('urandom') ? `${sample}` : '';
    return line(sample, solution.includes('total + 1') ? 0 : 1, 'scored', checks);
  }
  const trusted = verifier.includes('"reward.json"');
  const plants = CHEAT_BOUNDS[sample]?.family === 'reward-files';
  return line(sample, run === 'cheats' && trusted && plants ? 1 : 0);
}

function line(sample: number, score: number | null, outcome = 'scored', checks = ''): Line {
  const common = { sample, outcome, reason: '', findings: [], checks: sha256(checks) };
  return { ...common, flat: score, final: score, allZero: score === 0 };
}

async function textOf(
  { blobs }: Candidate,
  files: readonly { digest: Parameters<Candidate['blobs']['read']>[0] }[] = [],
): Promise<string> {
  const texts = await Promise.all(files.map(({ digest }) => blobs.read(digest)));
  return texts.map((bytes) => Buffer.from(bytes).toString('utf8')).join('\n');
}
