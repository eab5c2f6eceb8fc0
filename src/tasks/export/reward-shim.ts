import { canonicalRewardSh } from '../import/reward-sh.ts';
import type { Task } from '../task.ts';

/** A reward.sh that runs a verifier of any dialect where ClawGym's trainer would run it. */
export function rewardShim(task: Task): string | undefined {
  const { verifier, workspace } = task;
  if (verifier === undefined || verifier.files.some(({ path }) => path === 'reward.sh'))
    return undefined;
  const root = workspace.path;
  const entry = quote(verifier.entry);
  switch (verifier.dialect) {
    case 'check-json':
      return canonicalRewardSh(root, entry);
    case 'reward-sh':
      return `#!/usr/bin/env bash\nset -euo pipefail\n\nexec bash ${root}/reward/${entry}\n`;
    case 'pinchbench':
      return pinchbenchShim(root, entry);
    case 'harbor':
      return `#!/usr/bin/env bash\nset -uo pipefail\n\nmkdir -p /logs/verifier\nbash ${root}/reward/${entry} >&2\ncat /logs/verifier/reward.txt\n`;
  }
}

/** Loads `grade`, gives it the transcript of the payload file, prints the mean. */
function pinchbenchShim(root: string, entry: string): string {
  return `#!/usr/bin/env bash
set -euo pipefail

python3 - ${root}/reward/${entry} ${root} <<'PY'
import json, os, runpy, sys
payload = os.environ.get("OPENCLAW_REWARD_PAYLOAD")
transcript = []
if payload:
    with open(payload, encoding="utf-8") as file:
        transcript = json.load(file).get("transcript") or []
scores = runpy.run_path(sys.argv[1])["grade"](transcript, sys.argv[2])
values = [float(value) for value in scores.values()]
print(sum(values) / len(values) if values else 0.0)
PY
`;
}

export function quote(text: string): string {
  return /^[A-Za-z0-9._/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
