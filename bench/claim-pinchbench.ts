import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArmResult, SampleResult } from '../src/bench/results.ts';
import { loadTaskSet } from '../src/tasks/load-task-set.ts';
import { agentCodeScanner } from '../src/verifiers/scan-agent-code.ts';
import { Claim } from './support/claim.ts';
import { bench, sharedData } from './support/clawgym.ts';
import { recordingText, TRANSCRIPT_CASES } from './support/pinchbench-recording.ts';

/**
 * Claim local/6: all 98 shared PinchBench files import or are refused with the exact reason; the
 * code-graded ones run, and a grader that reads the transcript finds in it what the real harness pi
 * did, rebuilt from the recorded model calls.
 */
const REFUSED: Readonly<Record<string, string>> = {
  task_eli5_pdf_summary:
    'task_eli5_pdf_summary.md, task "task_eli5_pdf_summary", field workspace_files[0].source: got "GPT4.pdf", expected a file below assets/ (it is missing)',
};
/** What doing nothing is worth by the reference's own run of the graders on seeded workspaces. */
const NOP_CREDIT: Readonly<Record<string, number>> = {
  task_cicd_pipeline_debug: 0.333,
  task_k8s_debugging: 0.333,
  task_multi_file_refactoring: 0.267,
  task_selector_fix: 0.133,
};

const claim = new Claim();
const folder = sharedData('pinchbench-dev');
const loaded = await loadTaskSet(folder, {
  scanAgentCode: agentCodeScanner,
  signal: new AbortController().signal,
});
const tasks = loaded.set.tasks.map(({ task }) => task);
await checkImport();
const floor = await bench(['--tasks', folder, '--skip-invalid', '--agent', 'nop']);
const nop = checkFloor(floor.arms[0]);
const read = await checkTranscripts();
await loaded.close();
const outcomes = floor.arms[0]?.outcomes;
claim.finish(
  `${tasks.length} imported, ${loaded.refused} refused; nop: ${outcomes?.scored} scored, ${outcomes?.not_gradable} not gradable, credit on ${nop}; ${read} transcript checks pass with pi on ${Object.keys(TRANSCRIPT_CASES).length} tasks`,
);

async function checkImport(): Promise<void> {
  const names = await readdir(join(folder, 'tasks'));
  const files = names.filter((name) => /^task_.*\.md$/.test(name));
  claim.check(files.length === 98, `expected 98 files, got ${files.length}`);
  const accounted = tasks.length + loaded.refused;
  claim.check(accounted === files.length, `${accounted} of ${files.length} files accounted for`);
  for (const { task, message } of loaded.problems) {
    claim.check(REFUSED[task ?? ''] === message, `refused for another reason: ${message}`);
  }
}

/** Every rollout of `nop` against the kind of its task; returns how many got credit. */
function checkFloor(arm: ArmResult | undefined): number {
  let credited = 0;
  for (const result of arm?.tasks ?? []) {
    const task = tasks.find(({ id }) => id === result.id);
    for (const sample of result.attempts) {
      if (task?.verifier === undefined) {
        const left = sample.outcome === 'not_gradable' && sample.score.final === null;
        claim.check(left, `${result.id} is ${sample.outcome} with ${sample.score.final}`);
        continue;
      }
      const { final, rubric } = sample.score;
      const expected = NOP_CREDIT[result.id] ?? 0;
      claim.check(sample.outcome === 'scored', `${result.id} is ${sample.outcome}`);
      claim.check(
        final !== null && Math.abs(final - expected) < 0.0005,
        `${result.id}: nop has ${final}, expected ${expected}`,
      );
      claim.check(rubric === null, `${result.id} has a rubric score without a judge`);
      claim.check(
        hasFinding(sample, 'RubricNotJudged') === (task.rubric !== undefined),
        `${result.id}: the finding RubricNotJudged does not fit the task`,
      );
      if (final !== null && final > 0) credited += 1;
    }
  }
  claim.check(arm?.tasks.length === tasks.length, 'a task is missing from the results');
  return credited;
}

function hasFinding({ findings }: SampleResult, wanted: string): boolean {
  return findings.some(({ code }) => code === wanted);
}

/** Runs pi over the tasks whose graders read the transcript; returns the number of checks. */
async function checkTranscripts(): Promise<number> {
  const scratch = await mkdtemp(join(tmpdir(), 'clawgym-claim-'));
  try {
    const recording = join(scratch, 'recording.jsonl');
    const prompt = (id: string): string =>
      tasks.find((task) => task.id === id)?.instruction.turns[0]?.text ?? id;
    await writeFile(recording, recordingText(prompt));
    const ids = Object.keys(TRANSCRIPT_CASES);
    const agent = ['--agent', 'pi', '--recording', recording];
    const run = await bench(['--tasks', folder, '--skip-invalid', ...agent, '--task', ...ids]);
    return ids.map((id) => checkTranscript(run.arms[0], id)).reduce((sum, count) => sum + count, 0);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function checkTranscript(arm: ArmResult | undefined, id: string): number {
  const sample = arm?.tasks.find((task) => task.id === id)?.attempts[0];
  const idle = floor.arms[0]?.tasks.find((task) => task.id === id)?.attempts[0];
  const { checks = [], turns = [] } = TRANSCRIPT_CASES[id] ?? {};
  const calls = sample?.tokens.calls ?? 0;
  claim.check(sample?.outcome === 'scored', `${id} with pi is ${sample?.outcome}`);
  claim.check(calls === turns.length, `${id}: ${calls} model calls, expected ${turns.length}`);
  for (const name of checks) {
    const [without, value] = [idle?.checks[name], sample?.checks[name]];
    claim.check(without === 0, `${id}: ${name} is ${without} without a transcript, expected 0`);
    claim.check(value === 1, `${id}: ${name} is ${value} with pi's transcript, expected 1`);
  }
  return checks.length;
}
