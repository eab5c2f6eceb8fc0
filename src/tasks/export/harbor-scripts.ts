import type { Task } from '../task.ts';
import { quote } from './reward-shim.ts';

/** Dockerfile of a wrapped task: the given image and the input files, nothing of the verifier. */
export function harborDockerfile(task: Task, image: string): string {
  const root = task.workspace.path;
  const copy = task.workspace.inputs.length > 0 ? `COPY workspace/ ${root}/\n` : '';
  return `FROM ${image}\nWORKDIR ${root}\n${copy}`;
}

/** Isolated, as it starts in the workspace: there an agent's `json.py` would write the reward. */
const MEAN_TO_FILES = `python3 -I -c '
import json, sys
lines = [line for line in sys.stdin.read().splitlines() if line.strip()]
try:
    data = json.loads("\\n".join(lines))
except ValueError:
    data = json.loads(lines[-1])
if not isinstance(data, dict):
    data = {"reward": float(data)}
values = {key: float(value) for key, value in data.items()}
if "reward" not in values:
    values = {"reward": sum(values.values()) / len(values), **values}
with open("/logs/verifier/reward.json", "w") as file:
    json.dump(values, file)
'`;

/** test.sh of a wrapped task: runs the verifier on the workspace and writes Harbor's reward file. */
export function harborTestSh(task: Task): string {
  const head = '#!/usr/bin/env bash\nset -euo pipefail\nmkdir -p /logs/verifier\n\n';
  const { verifier } = task;
  if (verifier === undefined) {
    return `${head}echo "this task is graded by a rubric only" >&2\nexit 1\n`;
  }
  const entry = `/tests/verifier/${quote(verifier.entry)}`;
  const root = task.workspace.path;
  switch (verifier.dialect) {
    case 'check-json':
      return `${head}python3 -I ${entry} ${root} | ${MEAN_TO_FILES}\n`;
    case 'reward-sh':
      return `${head}ln -sfn /tests/verifier ${root}/reward\nbash ${entry} | grep -v '^[[:space:]]*$' | tail -n 1 > /logs/verifier/reward.txt\n`;
    case 'pinchbench':
      return `${head}python3 -I - ${entry} ${root} <<'PY' | ${MEAN_TO_FILES}
import json, runpy, sys
print(json.dumps(runpy.run_path(sys.argv[1])["grade"]([], sys.argv[2])))
PY
`;
    case 'harbor':
      return `${head}bash ${entry}\n`;
  }
}

/** solve.sh of a wrapped task: lays the solution's files over the workspace, then runs its script. */
export function harborSolveSh(task: Task): string {
  const root = task.workspace.path;
  const script = task.solution?.script;
  const run = script === undefined ? '' : `cd ${root}\nbash /solution/files/${quote(script)}\n`;
  return `#!/usr/bin/env bash\nset -euo pipefail\n\nmkdir -p ${root}\ncp -R /solution/files/. ${root}/\n${run}`;
}
