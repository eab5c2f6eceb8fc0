import type { ScriptTurn } from '../scripted-model-server.ts';
import { type SumTask, solutionScript, soundVerifier, sumTask } from './sum-task.ts';

/** What a record is planted with, and where a job must end it. */
export interface Planted {
  readonly kind: string;
  /** `accepted`, or the stage that must reject it. */
  readonly ends: string;
  /** Reason of the rejection; empty for sound ones. */
  readonly reason: string;
}

const sound = (kind: string): Planted => ({ kind, ends: 'accepted', reason: '' });
const defect = (kind: string, ends: string, reason: string): Planted => ({ kind, ends, reason });

/** Record n has number (n - 1) modulo the length: one round has every kind once and the sound one more. */
export const PLANTED: readonly Planted[] = [
  sound('good'),
  defect('malformed draft', 'draft', 'MalformedAnswer'),
  defect('unsafe path', 'resources', 'MalformedAnswer'),
  sound('good'),
  defect('wrong solution', 'trial', 'SolutionFails'),
  defect('vacuous verifier', 'trial', 'PaysForNothing'),
  defect('existence is enough', 'trial', 'PaysForPlaceholders'),
  defect('verifier crashes', 'trial', 'VerifierError'),
  sound('verifier mended'),
  defect('solution among inputs', 'trial', 'ProblemsFound'),
  sound('solution mended'),
  defect('answer in the text', 'judge', 'AnswerLeak'),
  defect('unsolvable', 'judge', 'Unsolvable'),
  sound('second answer usable'),
  defect('verdicts differ', 'gates', 'VerdictsDiffer'),
  defect('trusts agent files', 'gates', 'CheatsPay'),
  defect('same words', 'novelty', 'Duplicate'),
  defect('nearly the same words', 'novelty', 'NearDuplicate'),
  sound('good'),
];

/** The plant of record `number`, from 1. */
export function plantedIn(number: number): Planted {
  const planted = PLANTED[(number - 1) % PLANTED.length];
  if (planted === undefined) throw new Error(`record ${number}: expected a number from 1`);
  return planted;
}

/** Answers the prompts of a SynthesisJob; the judge's from what the prompt shows, without the plan. */
export function fallibleGenerator(prompt: string): ScriptTurn {
  const [, number, label = ''] = /^Record (\d+), ([a-z0-9-]+)\./.exec(prompt) ?? [];
  const content =
    number === undefined
      ? 'Ready.'
      : label.startsWith('judge')
        ? judgement(prompt)
        : answer(Number(number), label, prompt);
  return { content, usage: { inputTokens: Math.ceil(prompt.length / 4), outputTokens: 200 } };
}

function answer(number: number, label: string, prompt: string): string {
  const { kind } = plantedIn(number);
  const task = taskOf(number, kind);
  const [stage] = /^[a-z]+/.exec(label) ?? [''];
  switch (stage) {
    case 'draft':
      return draft(task, kind, label);
    case 'resources':
      return kind === 'unsafe path'
        ? block('../outside.csv', task.input.text)
        : [
            block(task.input.path, task.input.text),
            ...(kind === 'solution among inputs'
              ? [block('notes/old.sh', solutionScript(task))]
              : []),
          ].join('\n');
    case 'solution':
      return block('solve.sh', solutionOf(task, kind));
    case 'verifier':
      return block('check.py', verifierOf(task, kind));
    case 'repair':
      return repaired(task, kind, prompt);
    default:
      return '{"rules": []}';
  }
}

/** The task that a record is about: that of an earlier one for twins. */
function taskOf(number: number, kind: string): SumTask {
  const round = Math.floor((number - 1) / PLANTED.length);
  const first = round * PLANTED.length + 1;
  if (kind === 'same words') return sumTask(first);
  const task = sumTask(kind === 'nearly the same words' ? first : number);
  if (kind === 'nearly the same words')
    return { ...task, instruction: `Hello! ${task.instruction}` };
  if (kind === 'answer in the text')
    return { ...task, instruction: `${task.instruction} It should be ${task.total}, I think.` };
  if (kind !== 'unsolvable') return task;
  return {
    ...task,
    instruction: `${task.instruction} Before adding, multiply each amount by its weight in data/weights.csv.`,
  };
}

function draft(task: SumTask, kind: string, label: string): string {
  if (kind === 'malformed draft') return 'Here is a lovely task: {"title": "half';
  if (kind === 'second answer usable' && label === 'draft') return '{"title": "no more"}';
  const files = [{ path: task.input.path, purpose: 'the list' }];
  if (kind === 'solution among inputs') files.push({ path: 'notes/old.sh', purpose: 'a note' });
  const body = JSON.stringify({
    title: 'a sum',
    instruction: task.instruction,
    files,
    outputs: [task.output],
    expected: ['total is the sum of the amounts'],
    difficulty: 2,
  });
  // Talk around the object and reasoning before it are what models do.
  return `<think>{"not": "this"}</think>Sure.\n\`\`\`json\n${body}\n\`\`\``;
}

function solutionOf(task: SumTask, kind: string): string {
  if (kind === 'wrong solution' || kind === 'solution mended') return solutionScript(task, 1);
  return solutionScript(task);
}

const CRASH = 'raise RuntimeError("the verifier breaks")\n';

function verifierOf(task: SumTask, kind: string): string {
  switch (kind) {
    case 'vacuous verifier':
      return 'import json\nprint(json.dumps({"done": 1.0, "right": 1.0}))\n';
    case 'existence is enough':
      return soundVerifier(
        task,
        `checks = {"made": 1.0 if (root / "${task.output}").exists() else 0.0}`,
      );
    case 'verifier crashes':
    case 'verifier mended':
      return CRASH;
    case 'verdicts differ':
      return soundVerifier(
        task,
        'import os\nchecks = {f"total_{os.urandom(4).hex()}": checks["total_right"]}',
      );
    case 'trusts agent files':
      return soundVerifier(
        task,
        'if (root / "reward.json").exists():\n    checks["total_right"] = 1.0',
      );
    default:
      return soundVerifier(task);
  }
}

function repaired(task: SumTask, kind: string, prompt: string): string {
  if (prompt.includes('The solution:')) {
    return block('solve.sh', solutionScript(task, kind === 'solution mended' ? 0 : 1));
  }
  if (kind === 'wrong solution' || kind === 'solution mended') return 'SOLUTION IS WRONG';
  return block(
    'check.py',
    kind === 'verifier mended' ? soundVerifier(task) : verifierOf(task, kind),
  );
}

/** An honest look at the task: leaks are numbers of the answer, and a named file may be missing. */
function judgement(prompt: string): string {
  const instruction = /Instruction:\n([\s\S]*?)\n\nFiles that are given:/.exec(prompt)?.[1] ?? '';
  const amounts = [...prompt.matchAll(/^[a-z ]+,(\d+)$/gm)].map(([, amount]) => Number(amount));
  const total = amounts.reduce((sum, amount) => sum + amount, 0);
  const missing = [...instruction.matchAll(/data\/[a-z0-9-]+\.csv/g)].find(
    ([path]) => !prompt.includes(`===FILE: ${path}===`),
  );
  const flag = (found: boolean, reason: string) => ({ found, reason: found ? reason : '' });
  return JSON.stringify({
    factual_error: flag(false, ''),
    answer_leak: flag(new RegExp(`\\b${total}\\b`).test(instruction), 'the sum is in the text'),
    unsolvable: flag(missing !== undefined, `${missing?.[0]} is not among the files`),
    unstated_check: flag(false, ''),
  });
}

const block = (path: string, text: string): string => `===FILE: ${path}===\n${text}===END===`;
