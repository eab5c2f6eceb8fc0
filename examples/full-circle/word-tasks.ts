/**
 * A scripted generator for a small family of tasks: "write word 3 of this list into answer.txt". It plays
 * the models of a SynthesisJob without any model, so that the whole circle can be run on a laptop. It
 * answers each prompt of src/synthesis/prompts by its first line, `Record 12, draft.`, alone.
 */

/** Forty short words; none is a part of another. */
const WORDS =
  'amber birch cedar delta ember fjord grape hazel ivory jade kelp lemon maple north olive pearl quartz river stone tulip umber violet wheat yarrow zinc apple brook cloud dune eagle flint grove honey island juniper kite lake moss nickel orbit'.split(
    ' ',
  );
/** Words of one list. */
const LENGTH = 4;

interface WordTask {
  readonly list: readonly string[];
  /** From 1. */
  readonly place: number;
}

/** Record n asks for place (n mod 4) of a list that no other record has. */
function wordTask(number: number): WordTask {
  const list: string[] = [];
  for (let step = 0; list.length < LENGTH; step += 1) {
    // Two primes apart: lists of neighbours share no word.
    const word = WORDS[(number * 7 + step * 11 + Math.floor(number / WORDS.length) * step * step) % WORDS.length];
    if (word !== undefined && !list.includes(word)) list.push(word);
  }
  return { list, place: (number % LENGTH) + 1 };
}

const instruction = ({ list, place }: WordTask): string =>
  `Write word ${place} of this list into answer.txt: ${list.join(' ')}`;

const answer = ({ list, place }: WordTask): string => list[place - 1] ?? '';

const block = (path: string, text: string): string => `===FILE: ${path}===\n${text}\n===END===`;

/** What the generator and the judge answer to a prompt; the stage is that of the prompt's first line. */
export function wordAnswer(stage: string, number: number): string {
  const task = wordTask(number);
  switch (stage) {
    case 'draft':
      return JSON.stringify({
        title: `word ${task.place} of a list`,
        instruction: instruction(task),
        files: [],
        outputs: ['answer.txt'],
        expected: [`answer.txt holds word ${task.place} of the list and nothing else`],
        difficulty: 1,
      });
    case 'solution':
      return block('answer.txt', answer(task));
    case 'verifier':
      return block('check.py', verifier(answer(task)));
    case 'rubric':
      return '{"rules": []}';
    default:
      return JSON.stringify(
        Object.fromEntries(
          ['factual_error', 'answer_leak', 'unsolvable', 'unstated_check'].map((flag) => [
            flag,
            { found: false, reason: '' },
          ]),
        ),
      );
  }
}

function verifier(expected: string): string {
  return `import json
import pathlib
import sys

EXPECTED = ${JSON.stringify(expected)}


def read(path):
    try:
        return path.read_text(encoding="utf-8")[:1000]
    except (OSError, UnicodeDecodeError):
        return ""


found = read(pathlib.Path(sys.argv[1]) / "answer.txt")
print(json.dumps({"right_word": 1.0 if found.split() == [EXPECTED] else 0.0}))`;
}

/** Records that the recording answers: as many as have no twin among them. */
export const RECORDED = 119;
const STAGES = ['draft', 'solution', 'verifier', 'rubric', 'judge'];

/** The scripted generator as a recording that `model.recording` plays. */
export function wordRecording(): string {
  const note = 'Written by make-recording.ts; no model was asked.';
  const rows: object[] = [{ schema: 'clawgym.recording/v1', model: 'word-tasks', note }];
  const usage = { prompt_tokens: 400, completion_tokens: 100 };
  for (let number = 1; number <= RECORDED; number += 1) {
    for (const stage of STAGES) {
      const turns = [{ content: wordAnswer(stage, number), usage }];
      rows.push({ task: `${stage} ${number}`, match: `Record ${number}, ${stage}.`, turns });
    }
  }
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}
