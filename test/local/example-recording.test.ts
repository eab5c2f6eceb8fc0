import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseRecording, type RecordedTask } from '../../src/gateway/recording.ts';
import {
  type Example,
  gradeAll,
  loadExamples,
  mean,
  readTree,
  writeTree,
} from './examples/example.ts';

const FILE = new URL('../../examples/recordings/pi.jsonl', import.meta.url).pathname;
const recording = parseRecording(readFileSync(FILE, 'utf8'), FILE);
const examples = loadExamples();
const scratch = mkdtempSync(join(tmpdir(), 'clawgym-recording-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What the demo shows: eight tasks done, two in part, one done wrong, one given up. */
const EXPECTED: Readonly<Record<string, 'all' | 'part' | 'none'>> = {
  'contact-split': 'part',
  'gateway-config': 'all',
  'late-fee-script': 'all',
  'ledger-reconciliation': 'all',
  'log-triage': 'all',
  'mail-follow-ups': 'all',
  'meeting-slot': 'none',
  'pipeline-toml-to-json': 'all',
  'release-changelog': 'all',
  'restock-plan': 'none',
  'shift-roster': 'all',
  'travel-claim': 'part',
};

describe('the recorded demo', () => {
  it('says in its header that it is no model result', () => {
    expect(recording.model).toBe('recorded-demo');
    expect(recording.note).toMatch(/Hand-written.*no model result/);
  });

  it('has one row a task, found by the start of its instruction and by no other', () => {
    expect(recording.tasks.map(({ task }) => task)).toEqual(examples.map(({ id }) => id));
    for (const row of recording.tasks) {
      const matching = examples.filter(({ entry }) => entry.user_query.includes(row.match));
      expect(matching.map(({ id }) => id)).toEqual([row.task]);
    }
  });

  it.each(recording.tasks.map((row) => [row.task, row] as const))(
    '%s scores as meant',
    (id, row) => {
      const example = examples.find((candidate) => candidate.id === id);
      if (example === undefined) throw new Error(`no example ${id}`);
      const workspace = replay(example, row);
      const [graded] = gradeAll(example, join(scratch, `${id}-graded`), [readTree(workspace)]);
      if (graded === undefined) throw new Error('not graded');
      const score = mean(graded);
      const reached = score === 1 ? 'all' : score === 0 ? 'none' : 'part';
      expect([id, reached, graded.checks]).toEqual([id, EXPECTED[id], graded.checks]);
      expect(row.turns.at(-1)?.tool_calls).toEqual([]);
    },
  );
});

/** Plays the tool calls in a workspace, with the arguments that pi's four tools take. */
function replay(example: Example, row: RecordedTask): string {
  const workspace = join(scratch, example.id);
  writeTree(workspace, example.inputs);
  for (const call of row.turns.flatMap((turn) => turn.tool_calls)) {
    play(workspace, call.name, call.arguments);
  }
  return workspace;
}

function play(workspace: string, name: string, args: Readonly<Record<string, unknown>>): void {
  if (name === 'bash') {
    const command = String(args['command']);
    execFileSync('bash', ['-c', command], { cwd: workspace, timeout: 20_000 });
    return;
  }
  const path = join(workspace, String(args['path']));
  if (name === 'read') readFileSync(path);
  else if (name === 'write') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, String(args['content']));
  } else if (name === 'edit') {
    const before = readFileSync(path, 'utf8');
    let after = before;
    for (const { oldText, newText } of args['edits'] as { oldText: string; newText: string }[]) {
      expect([oldText, before.split(oldText).length]).toEqual([oldText, 2]);
      after = after.replace(oldText, () => newText);
    }
    writeFileSync(path, after);
  } else throw new Error(`pi has no tool ${name}`);
}
