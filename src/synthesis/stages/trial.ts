import { gateRuns, type RunPlan } from '../../rollouts/gates/gate-runs.ts';
import type { Verdict } from '../../rollouts/gates/verdict.ts';
import { gateVerdicts } from '../../rollouts/gates/verdicts.ts';
import { taskFacts } from '../../tasks/gate/task-facts.ts';
import type { Parsed } from '../answers/extract-json.ts';
import type { WrittenFile } from '../answers/file-blocks.ts';
import { candidateOf, taskIdOf } from '../candidate.ts';
import type { RecordData } from '../record.ts';
import { ask } from './ask.ts';
import { fileText, specification } from './describe.ts';
import { draftOf } from './draft-of.ts';
import { parseSolution } from './solution.ts';
import type { RunStage, StageContext, StageInput, StageResult } from './stage.ts';
import { parseVerifier } from './verifier.ts';

/** Repairs before a record is given up. */
export const MAX_REPAIRS = 3;
const TRIED = ['NopPassed', 'LazyPassed', 'SolutionPassed'] as const;

/**
 * Runs verifier and solution once each way; what does not hold goes back to the generator, with what
 * was seen. The verifier is mended without a look at the solution.
 */
export const trialStage: RunStage = async (input, context) => {
  const { number, data } = input;
  const candidate = candidateOf(taskIdOf(context.job, number), data);
  const facts = await taskFacts(candidate.entry, candidate.blobs);
  const plans = gateRuns(facts)
    .filter(({ run }) => run !== 'cheats')
    .map((plan): RunPlan => ({ ...plan, samples: 1 }));
  const still = facts.problems.length > 0;
  const { runs, notes } = still
    ? { runs: {}, notes: [] }
    : await context.gates.run(candidate, plans, 'trial', context.signal);
  const verdicts = gateVerdicts(facts, runs, context.bounds);
  if (verdicts.StaticPassed.status !== 'True') return rejected(data, verdicts.StaticPassed);
  const bad = TRIED.map((gate) => verdicts[gate]).find(({ status }) => status !== 'True');
  if (bad === undefined) return { kind: 'passed', data };
  if (bad.status === 'Unknown' || data.repairs.length >= MAX_REPAIRS) return rejected(data, bad);
  return await repair(input, bad, notes, context);
};

function rejected(data: RecordData, { reason, message }: Verdict): StageResult {
  return { kind: 'rejected', data, reason, message };
}

async function repair(
  input: StageInput,
  bad: Verdict,
  notes: readonly string[],
  context: StageContext,
): Promise<StageResult> {
  const { data } = input;
  const round = data.repairs.length + 1;
  const seen = [bad.message, ...notes].map((line) => `- ${line}`).join('\n');
  const values = {
    specification: specification(draftOf(data)),
    files: fileText(data.files),
    verifier: fileText(data.verifier),
    seen,
  };
  const asked = await ask(
    input,
    {
      ...{ stage: 'trial', prompt: 'repair-verifier', role: 'generator', values },
      parse: parseRepair,
    } as const,
    `repair-${round}`,
    context,
  );
  const repairs = [...data.repairs, bad.reason];
  const again = (changed: Partial<RecordData>): StageResult => ({
    kind: 'again',
    data: { ...asked.data, repairs, ...changed },
  });
  // An answer that cannot be read used up its round.
  if (!asked.answer.ok) return again({});
  if (asked.answer.value !== 'solution') return again({ verifier: [...asked.answer.value] });
  const mended = await ask(
    { ...input, data: asked.data },
    {
      stage: 'trial',
      prompt: 'repair-solution',
      role: 'generator',
      values: { ...values, solution: fileText(data.solution) },
      parse: parseSolution,
    },
    `repair-solution-${round}`,
    context,
  );
  const solution = mended.answer.ok ? [...mended.answer.value] : data.solution;
  return again({ calls: mended.data.calls, ...(solution && { solution }) });
}

/** A mended verifier, or the word that the solution is wrong and not the verifier. */
function parseRepair(text: string): Parsed<readonly WrittenFile[] | 'solution'> {
  if (/^\s*SOLUTION IS WRONG\b/m.test(text)) return { ok: true, value: 'solution' };
  return parseVerifier(text);
}
