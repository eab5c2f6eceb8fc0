/** The workspace of the reference system, where neither task nor flag names another. */
export const DEFAULT_WORKSPACE_PATH = '/root/.openclaw/workspace';

const AVERAGE =
  'import json, sys; raw = sys.stdin.read().strip(); data = json.loads(raw); print(sum(float(v) for v in data.values()) / len(data) if isinstance(data, dict) and data else float(data) if isinstance(data, (int, float)) else 0.0)';

/** The reference's one reward.sh: average of the values that the Python verifier prints. */
export function canonicalRewardSh(workspacePath: string, entry: string): string {
  return [
    '#!/usr/bin/env bash',
    'set -euo pipefail',
    '',
    `python3 ${workspacePath}/reward/${entry} ${workspacePath} | python3 -c '${AVERAGE}'`,
    '',
  ].join('\n');
}

const CANONICAL =
  /^set -euo pipefail python3 (\S+)\/reward\/(\S+\.py) (\S+) \| python3 -c '([^']*)'$/;
/** The public records' hook: the verifier alone. */
const PLAIN_CALL = /^(?:set -[a-z ]+(?:pipefail)? )?python3? (\S+)\/reward\/(\S+\.py) (\S+)$/;

/**
 * The Python file (below `reward/`) that a reward.sh in the reference's one form averages, or
 * undefined for any other script. White space, comments and the shebang do not matter.
 */
export function canonicalEntry(script: string, plainCall = false): string | undefined {
  if (script.length > 10_000) return undefined;
  const text = script
    .split(/\r?\n/)
    .filter((line) => !line.trimStart().startsWith('#'))
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim();
  const found = CANONICAL.exec(text);
  if (found) return found[1] === found[3] && found[4] === AVERAGE ? found[2] : undefined;
  const call = plainCall ? PLAIN_CALL.exec(text) : null;
  return call && call[1] === call[3] ? call[2] : undefined;
}
