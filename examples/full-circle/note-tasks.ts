/**
 * A small family of tasks, "Note in attic.txt: order lamps", and the scripts that play the models around
 * it: a generator and a judge that write the tasks, and a teacher that does them. Everything is computed;
 * no model is asked. The family is small enough that a model of two layers can learn it.
 */

const ROOMS = ['attic', 'cellar', 'garage', 'garden', 'office'];
const THINGS = ['baskets', 'candles', 'chairs', 'lamps', 'towels'];
const ACTS = ['order', 'return', 'count'];

interface Note {
  readonly room: string;
  readonly thing: string;
  readonly act: string;
}

/** How many different notes there are. */
export const NOTES = ROOMS.length * THINGS.length * ACTS.length;

/** Note `index` of a fixed shuffle of all. */
export function note(index: number): Note {
  // 61 and 75 have no common factor, so that every note comes once.
  const place = (index * 61) % NOTES;
  const at = (list: readonly string[], position: number) => list[position % list.length] ?? '';
  return {
    act: at(ACTS, place),
    thing: at(THINGS, Math.floor(place / ACTS.length)),
    room: at(ROOMS, Math.floor(place / (ACTS.length * THINGS.length))),
  };
}

export const instruction = ({ room, thing, act }: Note): string =>
  `Note in ${room}.txt: ${act} ${thing}`;

/** Record `number`, from 1, of each job is another note: those of the exam are none of the practice. */
const FIRST = { practice: 0, exam: 60 } as const;
export type Job = keyof typeof FIRST;
/** Records of a job that are other notes than those of the other one. */
export const RECORDS: Readonly<Record<Job, number>> = { practice: 60, exam: NOTES - 60 };

export function noteOf(job: Job, number: number): Note {
  return note(FIRST[job] + number - 1);
}

/** What the generator and the judge answer at a stage of a record. */
export function writtenFor(job: Job, stage: string, number: number): string {
  const asked = noteOf(job, number);
  const path = `${asked.room}.txt`;
  const line = `${asked.act} ${asked.thing}`;
  switch (stage) {
    case 'draft':
      return JSON.stringify({
        title: `a note for the ${asked.room}`,
        instruction: instruction(asked),
        files: [],
        outputs: [path],
        expected: [`${path} holds the note and nothing else`],
        difficulty: 1,
      });
    case 'solution':
      return block(path, line);
    case 'verifier':
      return block('check.py', verifier(path, asked));
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

const block = (path: string, text: string): string => `===FILE: ${path}===\n${text}\n===END===`;

/** Half for the thing in the right file, the other half for what is to be done with it. */
function verifier(path: string, { act, thing }: Note): string {
  return `import json
import pathlib
import sys


def read(path):
    try:
        return path.read_text(encoding="utf-8")[:1000]
    except (OSError, UnicodeDecodeError):
        return ""


said = read(pathlib.Path(sys.argv[1]) / "${path}").split()
thing = len(said) == 2 and said[0] in ${JSON.stringify(ACTS)} and said[1] == "${thing}"
print(json.dumps({"thing": float(thing), "act": float(thing and said[0] == "${act}")}))`;
}

/** Arguments of the teacher's call of `write_file`; one that is `wrong` mixes up what is to be done. */
export function taught(asked: Note, wrong: boolean): { readonly path: string; readonly content: string } {
  const act = wrong ? ACTS[(ACTS.indexOf(asked.act) + 1) % ACTS.length] : asked.act;
  return { path: `${asked.room}.txt`, content: `${act} ${asked.thing}` };
}

/** The note that a text asks for. */
export function askedIn(text: string): Note | undefined {
  return Array.from({ length: NOTES }, (_, index) => note(index)).find((one) =>
    text.includes(instruction(one)),
  );
}

/** What the tokenizer of the base model is made from: the words and marks that conversations are of. */
export function baseTexts(): string {
  return Array.from({ length: NOTES }, (_, index) => {
    const asked = note(index);
    const call = { name: 'write_file', arguments: taught(asked, false) };
    const said = JSON.stringify(call).replaceAll('":', '": ').replaceAll('",', '", ');
    return `${instruction(asked)}\n<tool_call>\n${said}\n</tool_call>\nwrite_file(path, content)\n`;
  }).join('');
}
