import { z } from 'zod';
import { RECORDING_SCHEMA } from '../../src/gateway/recording.ts';

/** What of a row of ClawGym's task files the recording needs. */
const zRow = z.looseObject({
  task_id: z.string(),
  prompt: z.string(),
  input_files: z.array(z.looseObject({ file_path: z.string() })).nullable(),
});
/** So much of a prompt tells it from all others. */
const MATCH_CHARS = 200;
/** Relative paths of files in a prompt. */
const FILE_PATH = /(?<![\w./-])[\w-][\w.-]*(?:\/[\w.-]*\w)*\.(?:csv|html|jsonl?|md|txt|ya?ml)\b/g;

/**
 * A model for tasks that nobody has recorded: it looks at the inputs, writes something that depends on
 * them to every file that the prompt names beside them, and says so. What it earns is little, and the same
 * wherever the same work is graded.
 *
 * @param lines Rows of a task file of ClawGym.
 * @returns A recording, as a file has it.
 */
export function genericRecording(lines: readonly string[]): string {
  const header = {
    schema: RECORDING_SCHEMA,
    model: 'recorded-demo',
    note: 'Made up by a program: generic work on any task. Not the output of any model.',
  };
  const rows = lines.map((line) => {
    const { task_id: task, prompt, input_files: given } = zRow.parse(JSON.parse(line));
    const inputs = new Set(given?.map(({ file_path: path }) => path));
    const named = new Set(prompt.match(FILE_PATH));
    const paths = [...named].filter((path) => !inputs.has(path)).toSorted();
    return { task, match: prompt.slice(0, MATCH_CHARS), turns: turnsFor(paths) };
  });
  return [header, ...rows].map((row) => `${JSON.stringify(row)}\n`).join('');
}

function turnsFor(paths: readonly string[]): readonly object[] {
  const bash = (command: string) => [{ name: 'bash', arguments: { command } }];
  return [
    { tool_calls: bash('find . -type f -not -path "*/.*" | sort | head -n 50') },
    { content: 'I write what was asked for.', tool_calls: bash(workOn(paths)) },
    { content: 'Done.' },
  ];
}

/** What is there stays as it is; what is new names what is there, in the form that its name asks for. */
function workOn(paths: readonly string[]): string {
  return `python3 - <<'PY'
import csv, hashlib, json, pathlib
inputs = sorted(path for path in pathlib.Path(".").rglob("*") if path.is_file())
facts = [{"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in inputs]
for name in ${JSON.stringify(paths)}:
    path = pathlib.Path(name)
    if path.exists():
        continue
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        if path.suffix == ".json":
            json.dump({"files": facts, "count": len(facts)}, file, indent=2)
        elif path.suffix == ".jsonl":
            file.writelines(json.dumps(fact) + "\\n" for fact in facts)
        elif path.suffix == ".csv":
            writer = csv.DictWriter(file, ["path", "sha256"])
            writer.writeheader()
            writer.writerows(facts)
        else:
            file.write("# Report\\n\\n" + "".join(f"- {fact['path']}: {fact['sha256']}\\n" for fact in facts))
PY`;
}
