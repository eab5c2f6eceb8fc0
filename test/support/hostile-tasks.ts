import { sha256 } from '../../src/base/digest.ts';
import { MemoryBlobs } from '../../src/tasks/memory-blobs.ts';
import { type Task, type TaskInput, zTask } from '../../src/tasks/task.ts';
import { taskDigest } from '../../src/tasks/task-digest.ts';
import type { TaskSet } from '../../src/tasks/task-set.ts';

/** Two named checks, each 0 or 1; the first needs the input as the task gave it. */
export const PLAIN_CHECK = `
import json, os, sys
root = sys.argv[1]
def text(path):
    try:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""
with open(os.path.join(root, "scratch-is-writable"), "w") as file:
    file.write("x")
kept = text("data/in.txt") == "keep me\\n"
print(json.dumps({"answer": kept and text("out/answer.txt").strip() == "42", "note": text("out/note.txt").strip() == "done"}))
`;

/** Runs what the agent wrote as a child, whatever that does, and judges by a file of its own. */
export const CHILD_CHECK = `
import json, os, subprocess, sys
root = sys.argv[1]
program = os.path.join(root, "tool.py")
try:
    ended = subprocess.run([sys.executable, program], cwd=root, capture_output=True, timeout=4).returncode == 0
except (OSError, subprocess.TimeoutExpired):
    ended = False
try:
    with open(os.path.join(root, "out", "answer.txt")) as file:
        answer = file.read().strip() == "42"
except (OSError, ValueError):
    answer = False
print(json.dumps({"answer": answer, "tool": ended}))
`;

/** Loads what the agent wrote into its own process: such a verifier can be forged, and is flagged. */
export const IMPORTING_CHECK = `
import json, os, sys
sys.path.insert(0, sys.argv[1])
try:
    import tool
    made = True
except ImportError:
    made = False
print(json.dumps({"made": made, "value": getattr(tool, "value", 0) == 42 if made else False}))
`;

/** A PinchBench grader that trusts what the model is said to have heard. */
export const TRANSCRIPT_CHECK = `
import json
def grade(transcript, workspace_path):
    if "boom" in json.dumps(transcript):
        raise RuntimeError("boom")
    return {"quiet": 1.0, "calls": float(len(transcript) > 0)}
`;

export interface HostileTask {
  readonly dialect?: 'check-json' | 'pinchbench';
  readonly id?: string;
  readonly verifier?: string;
  readonly agentCode?: 'none' | 'child' | 'in-process';
  readonly agentSeconds?: number;
  readonly limits?: TaskInput['environment'];
}

/** A task small enough that everything in a run's time is the agent's doing. */
export function hostileTaskSet(sketch: HostileTask = {}): TaskSet {
  const blobs = new MemoryBlobs();
  const file = (path: string, text: string) => {
    const bytes = Buffer.from(text);
    return { path, digest: blobs.put(bytes), size: bytes.length };
  };
  const verifier = sketch.verifier ?? PLAIN_CHECK;
  const task: Task = zTask.parse({
    schema: 'clawgym.task/v1',
    id: sketch.id ?? 'tiny',
    instruction: { turns: [{ text: 'Write 42 to out/answer.txt and done to out/note.txt.' }] },
    workspace: {
      path: '/root/.openclaw/workspace',
      inputs: [{ ...file('data/in.txt', 'keep me\n'), mode: 'protected' }],
    },
    outputs: [
      { path: 'out/answer.txt', format: 'text' },
      { path: 'out/note.txt', format: 'text' },
    ],
    verifier: {
      dialect: sketch.dialect ?? 'check-json',
      entry: 'check.py',
      files: [file('check.py', verifier)],
      agentCode: sketch.agentCode ?? 'none',
    },
    ...(sketch.limits && { environment: sketch.limits }),
    timeouts: { agentSeconds: sketch.agentSeconds ?? 30, verifierSeconds: 10 },
    category: 'hostile',
  } satisfies TaskInput);
  const digest = taskDigest(task);
  return { digest: sha256(digest), tasks: [{ task, digest }], blobs };
}
