import { describe, expect, it } from 'vitest';
import type { GradeCase } from '../support/grading.ts';
import { gradingPlace } from '../support/grading-place.ts';
import { openTestSandbox } from '../support/sandbox-host.ts';

const place = gradingPlace(openTestSandbox);
const { run } = place;

describe('a reward-sh verifier', () => {
  const shell = (script: string, more: Partial<GradeCase> = {}) =>
    run({ dialect: 'reward-sh', entry: 'reward.sh', verifier: { 'reward.sh': script }, ...more });

  it('finds its files where its layout names them, over what the agent left there', async () => {
    const result = await run({
      dialect: 'reward-sh',
      entry: 'reward.sh',
      verifier: {
        'reward.sh':
          "set -euo pipefail\npython3 /root/.openclaw/workspace/reward/check.py /root/.openclaw/workspace | python3 -c 'import json,sys; d=json.load(sys.stdin); print(sum(d.values())/len(d))'",
        'check.py': 'import json\nprint(json.dumps({"a": 1, "b": 0}))',
      },
      workspace: {
        'reward/check.py': 'print("{\\"a\\": 1}")',
        'reward/json.py': 'x',
        'json.py': 'x',
      },
    });
    expect(result).toMatchObject({
      status: 'ok',
      flat: 0.5,
      checks: [{ name: 'reward', value: 0.5 }],
    });
    expect(result.findings.map((finding) => finding.code)).toContain('VerifierVisibleInWorkspace');
  });

  it.each<[string, string, object]>([
    ['takes the last non-empty line', 'echo log; echo 0.25; echo', { status: 'ok', flat: 0.25 }],
    [
      'crashes on a non-zero exit',
      'echo 1; echo gone >&2; exit 3',
      { status: 'crash', message: 'the script exited with 3: gone' },
    ],
    ['refuses text', 'echo fine', { status: 'invalid' }],
    ['refuses NaN', 'echo nan', { status: 'invalid' }],
    ['refuses silence', 'true', { status: 'invalid' }],
    ['does not wait for what stays behind', 'sleep 1000 & echo 1', { status: 'ok', flat: 1 }],
    ['keeps native in bounds', 'echo 2', { status: 'ok', flat: 2, native: 1 }],
  ])('%s', async (_name, script, expected) => {
    expect(await shell(script)).toMatchObject(expected);
  });

  it('times out', async () => {
    expect(await shell('sleep 60', { timeoutSeconds: 1 })).toMatchObject({ status: 'timeout' });
  });
});

describe('a pinchbench verifier', () => {
  const grader = (source: string, more: Partial<GradeCase> = {}) =>
    run({ dialect: 'pinchbench', verifier: { 'grader.py': source }, ...more });
  const body = (result: string) => `def grade(transcript, workspace_path):\n    return ${result}\n`;

  it('averages the numbers, clamped, and drops the rest', async () => {
    const result = await grader(
      body('{"a": True, "b": 0.5, "c": 7, "d": -1, "note": "x", "n": None}'),
    );
    expect(result).toMatchObject({ status: 'ok', flat: 0.625, native: 0.625 });
    expect(result.checks.map((check) => check.name)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('gets the transcript in the shape both grader generations read', async () => {
    const source = `
def grade(transcript, workspace_path):
    items = [i for r in transcript if "message" in r for i in r["message"]["content"]]
    calls = [i for i in items if i["type"] == "toolCall"]
    return {
        "bad_line": "parse_error" in transcript[0],
        "text_part": items[0] == {"type": "text", "text": "hello"},
        "arguments": calls[0]["arguments"]["path"] == "a.md",
        "params": calls[0]["params"]["files"] == ["a.md"],
        "alias": [c["name"] for c in calls] == ["read", "read_file", "exec"],
        "path": workspace_path == "/root/.openclaw/workspace",
    }
`;
    const lines = [
      '{broken',
      JSON.stringify({ type: 'message', message: { role: 'user', content: 'hello' } }),
      JSON.stringify({
        type: 'message',
        message: {
          role: 'assistant',
          content: [
            { type: 'toolCall', id: '1', name: 'read', arguments: { path: 'a.md' } },
            { type: 'toolCall', id: '2', name: 'exec', arguments: { command: 'ls' } },
          ],
        },
      }),
    ];
    const text = await grader(source, { transcript: lines.join('\n') });
    expect(text.checks.filter((check) => check.value !== 1)).toEqual([]);
    expect(text).toMatchObject({ status: 'ok', flat: 1 });
  });

  it.each<[string, string, string]>([
    ['crashes without grade()', 'x = 1', 'crash'],
    ['crashes on another type', body('[1]'), 'crash'],
    ['crashes on an exception', body('1 / 0'), 'crash'],
    ['refuses NaN', body('{"a": float("nan")}'), 'invalid'],
    ['refuses no numbers', body('{"a": "x"}'), 'invalid'],
  ])('%s', async (_name, source, status) => {
    expect(await grader(source)).toMatchObject({ status });
  });
});

describe('a harbor verifier', () => {
  const harbor = (script: string, more: Partial<GradeCase> = {}) =>
    run({ dialect: 'harbor', verifier: { 'test.sh': script, 'data.txt': '1' }, ...more });
  const out = '/logs/verifier';

  it.each<[string, string, object]>([
    ['reads reward.txt', `cat /tests/data.txt > ${out}/reward.txt`, { status: 'ok', flat: 1 }],
    [
      'prefers reward.json',
      `echo 0 > ${out}/reward.txt; echo '{"a": 1, "b": 0}' > ${out}/reward.json`,
      { status: 'ok', flat: 0.5 },
    ],
    [
      'runs in the workspace',
      `[ "$PWD" = /root/.openclaw/workspace ] && echo 1 > ${out}/reward.txt`,
      { status: 'ok', flat: 1 },
    ],
    ['crashes without a file, never 0', 'echo 1; exit 1', { status: 'crash' }],
    ['crashes on an empty file', `: > ${out}/reward.txt`, { status: 'crash' }],
    ['ignores a link', `ln -s /tests/data.txt ${out}/reward.txt`, { status: 'crash' }],
    [
      'ignores an old file',
      `echo 1 > ${out}/reward.txt; touch -d '2020-01-01' ${out}/reward.txt`,
      { status: 'crash' },
    ],
    ['refuses nested values', `echo '{"a": {}}' > ${out}/reward.json`, { status: 'invalid' }],
    ['refuses a word', `echo good > ${out}/reward.txt`, { status: 'invalid' }],
    [
      'takes a file beside a non-zero exit',
      `echo 0 > ${out}/reward.txt; exit 1`,
      { status: 'ok', flat: 0 },
    ],
  ])('%s', async (_name, script, expected) => {
    expect(await harbor(script)).toMatchObject(expected);
  });

  it('must exit 0 where it runs agent code', async () => {
    const script = `echo 1 > ${out}/reward.txt; exit 1`;
    expect(await harbor(script, { agentCode: 'child' })).toMatchObject({ status: 'crash' });
  });
});
