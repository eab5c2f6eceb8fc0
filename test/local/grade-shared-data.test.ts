import { chmod } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { scanAgentCode } from '../../src/verifiers/scan-agent-code.ts';
import { flatScore } from '../../src/verifiers/score.ts';
import { type ClawGymRow, clawGymRows, contents } from '../support/clawgym-rows.ts';
import { gradeCase, hostSandbox } from '../support/grading.ts';
import { tempDir } from '../support/temp-dir.ts';

const rows = { eval: clawGymRows('eval'), train: clawGymRows('train') };
const onData = describe.skipIf(rows.eval === undefined);

/** Classes found by reading the syntax trees of all 325 verifiers by hand and by Python's ast. */
const CLASSES = {
  eval: {
    'in-process': '0012 0059 0119 0157',
    child: '0006 0050 0057 0070 0112 0196 0199',
  },
  train: {
    'in-process': '0102 0275',
    child:
      '0015 0018 0066 0072 0094 0104 0114 0115 0147 0206 0219 0222 0238 0242 0245 0294 0311 0365',
  },
} as const;

onData.each(['eval', 'train'] as const)('the public %s verifiers', (split) => {
  it('are classed by whether they run what the agent wrote', () => {
    const found: Record<string, string[]> = { child: [], 'in-process': [], none: [] };
    for (const row of rows[split] ?? []) {
      const files = row.reward_files.map((file) => ({
        path: file.file_path,
        content: Buffer.from(file.content),
      }));
      found[scanAgentCode(files).class]?.push(row.task_id.replace('task_', ''));
    }
    expect({
      child: found['child']?.join(' '),
      'in-process': found['in-process']?.join(' '),
    }).toEqual(CLASSES[split]);
  });
});

/** A careless agent: every path that the instruction names under output/ gets a placeholder. */
function placeholders(row: ClawGymRow): Record<string, string> {
  const named = row.prompt.match(/\b(?:output|reports?|build)\/[\w./-]*\w\.\w+/g) ?? [];
  return Object.fromEntries(
    named.map((path) => {
      const text = path.endsWith('.json')
        ? '{}'
        : path.endsWith('.csv')
          ? 'id,name\n1,a\n'
          : '# Report\n';
      return [path, text];
    }),
  );
}

onData('flat', () => {
  it("is bit-equal to the reference's own reward.sh on public tasks", async () => {
    const sandbox = await hostSandbox();
    await using dir = await tempDir();
    await chmod(dir.path, 0o755);
    let partial = 0;
    for (const row of rows.eval?.slice(0, 40) ?? []) {
      const verifier = contents(row.reward_files);
      const workspace = { ...contents(row.input_files), ...placeholders(row) };
      const ours = await gradeCase(sandbox, dir.path, { verifier, workspace, entry: 'check.py' });
      const theirs = await gradeCase(sandbox, dir.path, {
        verifier,
        workspace,
        entry: 'reward.sh',
        dialect: 'reward-sh',
      });
      expect(ours.flat, row.task_id).toBe(flatScore(ours.checks) ?? null);
      // From Python 3.12 on, the wrapper's sum() compensates, and may differ in the last bits.
      const compensates = !/^3\.([0-9]|10|11)\./.test(ours.python);
      if (compensates) expect(ours.flat, row.task_id).toBeCloseTo(theirs.flat ?? Number.NaN, 12);
      else expect(ours.flat, row.task_id).toBe(theirs.flat);
      if (ours.flat !== null && ours.flat > 0 && ours.flat < 1) partial += 1;
    }
    expect(partial).toBeGreaterThanOrEqual(10);
  });
});
