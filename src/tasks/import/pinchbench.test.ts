import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { loadTaskSet } from '../load-task-set.ts';

const FENCE = '```';
const GRADER = `${FENCE}python\ndef grade(transcript: list, workspace_path: str) -> dict:\n    return {"a": 1.0}\n${FENCE}`;

function file(front: string, body: Record<string, string>): string {
  const sections = Object.entries(body).map(([title, text]) => `## ${title}\n\n${text}\n`);
  return `---\nid: task_x\n${front}\n---\n\n${sections.join('\n')}`;
}

async function load(text: string, strictUpstream = false) {
  await using dir = await tempDir();
  await mkdir(join(dir.path, 'tasks'));
  await mkdir(join(dir.path, 'assets'));
  await writeFile(join(dir.path, 'assets/data.bin'), Buffer.from([0, 255]));
  await symlink('/etc', join(dir.path, 'assets/etc'));
  await writeFile(join(dir.path, 'tasks/task_x.md'), text);
  await writeFile(join(dir.path, 'tasks/manifest.yaml'), 'categories:\n  Writing:\n    - task_x\n');
  return await loadTaskSet(dir.path, {
    scanAgentCode: () => 'none',
    signal: new AbortController().signal,
    strictUpstream,
  });
}

test('reads turns, weights under their aliases, assets, criteria and the manifest category', async () => {
  const { set, problems } = await load(
    file(
      'grading_type: hybrid\ntimeout_seconds: 90\ncategory: other\ngrading_weights: {automated: 3, judge: 1}\nworkspace_files:\n  - {source: data.bin, dest: in/data.pdf}\n  - {path: note.txt, content: "hi"}\nsessions:\n  - just text\n  - {id: two, message: again, new_session: true}\nprerequisites: [\'cli:gh\']',
      {
        Prompt: 'unused',
        'Automated Checks': GRADER,
        'LLM Judge Rubric': '### Tone (Weight: 40%)\n\nkind\n\n### Facts (Weight: 60%)\n\ntrue',
      },
    ),
  );
  expect(problems).toEqual([]);
  expect(set.tasks[0]?.task).toMatchObject({
    id: 'task_x',
    category: 'writing',
    instruction: {
      turns: [
        { text: 'just text', newSession: false },
        { text: 'again', newSession: true },
      ],
    },
    weights: { code: '0.75', rubric: '0.25' },
    workspace: { inputs: [{ path: 'in/data.pdf', size: 2 }, { path: 'note.txt' }] },
    rubric: [
      { name: 'Tone', weight: '40', text: 'kind' },
      { name: 'Facts', weight: '60', text: 'true' },
    ],
    environment: { needs: ['mock-services', 'multi-session', 'pdf'] },
    timeouts: { agentSeconds: 90 },
    verifier: { dialect: 'pinchbench', entry: 'grade.py' },
  });
});

test('a judged task falls back to its checklist; an unknown weight is a warning', async () => {
  const { set, warnings } = await load(
    file('grading_type: llm_judge\ngrading_weights: {robots: 1}', {
      Prompt: 'p',
      'Grading Criteria': '- [ ] good',
    }),
  );
  expect(set.tasks[0]?.task.rubric).toEqual([
    { name: 'criteria', text: '- [ ] good', weight: '1' },
  ]);
  expect(set.tasks[0]?.task.verifier).toBeUndefined();
  expect(warnings.join()).toContain('grading_weights.robots');
});

test('a heading inside a code block is text, unless upstream is followed strictly', async () => {
  const prompt = `Use this form:\n\n${FENCE}\n## Not a section\n${FENCE}\n\nThen stop.`;
  const text = file('grading_type: llm_judge', { Prompt: prompt, 'Grading Criteria': 'c' });
  const turn = async (strict: boolean) =>
    (await load(text, strict)).set.tasks[0]?.task.instruction.turns[0]?.text;
  expect(await turn(false)).toBe(prompt);
  expect(await turn(true)).toBe(`Use this form:\n\n${FENCE}`);
});

test('a fence inside the grader does not end it, unless upstream is followed strictly', async () => {
  const code = `def grade(transcript, workspace_path):\n    mark = "${FENCE}json"\n    return {"a": 1}`;
  const text = file('grading_type: automated', {
    Prompt: 'p',
    'Automated Checks': `${FENCE}python\n${code}\n${FENCE}`,
  });
  const size = async (strict: boolean) =>
    (await load(text, strict)).set.tasks[0]?.task.verifier?.files[0]?.size;
  expect(await size(false)).toBe(code.length + 1);
  expect(await size(true)).toBeLessThan(code.length);
});

const GRADED = { Prompt: 'p', 'Automated Checks': GRADER };
test.each<[string, string, string]>([
  [
    'a missing asset',
    file('workspace_files: [{source: gone.pdf, dest: a}]', GRADED),
    'field workspace_files[0].source: got "gone.pdf", expected a file below assets/ (it is missing)',
  ],
  [
    'an asset outside',
    file('workspace_files: [{source: ../../x, dest: a}]', GRADED),
    'got "../../x", expected a path below assets/',
  ],
  [
    'an asset behind a link',
    file('workspace_files: [{source: etc/passwd, dest: a}]', GRADED),
    'expected a path below assets/ without links',
  ],
  ['a target outside', file('workspace_files: [{path: ../a, content: x}]', GRADED), 'got "../a"'],
  ['no front matter', '## Prompt\np', 'YAML between two "---" lines'],
  ['broken YAML', '---\na: [\n---\n', 'expected YAML'],
  [
    'an unknown grading type',
    file('grading_type: magic', GRADED),
    'front matter.grading_type: got "magic"',
  ],
  ['no prompt', file('', { 'Automated Checks': GRADER }), 'a "## Prompt" section'],
  ['no grader', file('', { Prompt: 'p' }), 'a Python code block, since grading_type is automated'],
  [
    'a grader without grade',
    file('', { Prompt: 'p', 'Automated Checks': `${FENCE}python\nx = 1\n${FENCE}` }),
    'a top-level function "grade"',
  ],
  ['no rubric', file('grading_type: llm_judge', { Prompt: 'p' }), 'a rubric or grading criteria'],
  [
    'a YAML bomb',
    file(
      `a: &a [1,1,1,1,1,1,1,1,1]\n${Array.from('bcdefgh')
        .map(
          (key, index) =>
            `${key}: &${key} [${Array.from({ length: 9 }, () => `*${'abcdefg'[index]}`).join(',')}]`,
        )
        .join('\n')}`,
      GRADED,
    ),
    'front matter',
  ],
])('refuses %s', async (_name, text, expected) => {
  const { problems, refused } = await load(text);
  expect(refused).toBe(1);
  expect(problems[0]).toMatchObject({ file: 'task_x.md', task: 'task_x' });
  expect(problems[0]?.message).toContain(expected);
});

test('a grader of blank lines without an end is refused at once, upstream or not', async () => {
  const blank = '\n'.repeat(500_000);
  const text = file('name: x', { Prompt: 'x', 'Automated Checks': `${FENCE}python${blank}end` });
  const started = performance.now();
  const { problems } = await load(text, true);
  expect(problems.map(({ message }) => message)).toEqual([
    expect.stringContaining('expected a Python code block'),
  ]);
  // A step back for each blank line takes minutes.
  expect(performance.now() - started).toBeLessThan(10_000);
});
