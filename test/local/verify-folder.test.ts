import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { type FolderVerdict, verifyFolder } from '../../src/cli/verify-folder.ts';
import type { ProcessSandbox } from '../../src/phases/process-sandbox.ts';
import { MemoryBlobs } from '../../src/tasks/memory-blobs.ts';
import { type TaskInput, zTask } from '../../src/tasks/task.ts';
import { type Files, writeFiles } from '../support/grading.ts';
import { IMPORTING_CHECK } from '../support/hostile-tasks.ts';
import { openTestSandbox, scratchFolder, testProgramsDir } from '../support/sandbox-host.ts';

const scratch = scratchFolder();
let sandbox: ProcessSandbox;
beforeAll(async () => {
  sandbox = await openTestSandbox();
});
afterAll(() => scratch.remove());

interface Trial {
  readonly verifier: string;
  readonly agentCode: 'none' | 'child' | 'in-process';
  readonly inputs?: Readonly<Record<string, string>>;
  readonly environment?: TaskInput['environment'];
}

async function verify(trial: Trial, left: Files): Promise<FolderVerdict> {
  const blobs = new MemoryBlobs();
  const file = (path: string, text: string) => {
    const bytes = Buffer.from(text);
    return { path, digest: blobs.put(bytes), size: bytes.length };
  };
  const inputs = Object.entries(trial.inputs ?? {}).map(([path, text]) => file(path, text));
  const task = zTask.parse({
    schema: 'clawgym.task/v1',
    id: 'tiny',
    instruction: { turns: [{ text: 'Write 42 to out/answer.txt.' }] },
    workspace: {
      path: '/root/.openclaw/workspace',
      inputs: inputs.map((input) => ({ ...input, mode: 'protected' })),
    },
    outputs: [{ path: 'out/answer.txt', format: 'text' }],
    verifier: {
      dialect: 'check-json',
      entry: 'check.py',
      files: [file('check.py', trial.verifier)],
      agentCode: trial.agentCode,
    },
    ...(trial.environment && { environment: trial.environment }),
    timeouts: { agentSeconds: 10, verifierSeconds: 10 },
    category: 'verify',
  } satisfies TaskInput);
  const place = scratch.fresh();
  const folder = join(place, 'left');
  await writeFiles(folder, left);
  return await verifyFolder(
    { task, digest: sha256('tiny'), blobs, folder },
    {
      sandbox,
      programsDir: await testProgramsDir(sandbox),
      scratch: place,
      signal: new AbortController().signal,
    },
  );
}

const codes = ({ findings }: FolderVerdict) => findings.map(({ code }) => code).toSorted();

/** Judges by what the task's own program says of the workspace. */
const RUNS_INPUT = `
import json, subprocess, sys
ran = subprocess.run([sys.executable, "tool.py"], cwd=sys.argv[1], capture_output=True, text=True)
print(json.dumps({"answer": ran.stdout.strip() == "42"}))
`;
const TOOL = `
import json, os
print(json.dumps(int(open("out/answer.txt").read())) if os.path.exists("out/answer.txt") else "none")
`;

describe('a folder is graded by the rules of a rollout', () => {
  const runsInput = {
    verifier: RUNS_INPUT,
    agentCode: 'child',
    inputs: { 'tool.py': TOOL },
  } as const;

  it('without the library modules planted beside the task’s own program', async () => {
    const planted = { 'json.py': 'print(42)\nraise SystemExit' };
    const cheated = await verify(runsInput, planted);
    expect(cheated).toMatchObject({ code: { flat: 0, native: 0 } });
    expect(codes(cheated)).toEqual(['ProtectedInputDeleted', 'ShadowingModuleRemoved']);
    const honest = await verify(runsInput, { 'tool.py': TOOL, 'out/answer.txt': '42' });
    expect([honest.code, codes(honest)]).toEqual([{ flat: 1, native: 1 }, []]);
  });

  it('without a result of checks that the verifier does not have', async () => {
    const importing = { verifier: IMPORTING_CHECK, agentCode: 'in-process' } as const;
    const forged = await verify(importing, {
      'tool.py': 'import builtins\nsay = print\nbuiltins.print = lambda _: say(\'{"reward": 1}\')',
    });
    expect(forged).toMatchObject({
      code: { flat: 0, native: 0 },
      checks: [
        { name: 'made', value: 0 },
        { name: 'value', value: 0 },
      ],
    });
    expect(codes(forged)).toContain('UnexpectedCheckNames');
    const honest = await verify(importing, { 'tool.py': 'value = 42' });
    expect([honest.code, codes(honest)]).toEqual([
      { flat: 1, native: 1 },
      ['VerifierRunsAgentCode'],
    ]);
  });

  const READS = `
import json, os, sys
path = os.path.join(sys.argv[1], "out", "answer.txt")
print(json.dumps({"answer": os.path.exists(path) and int(open(path).read()) == 42}))
`;

  it('and gets 0 where it breaks a verifier that works on the untouched inputs', async () => {
    const verdict = await verify({ verifier: READS, agentCode: 'none' }, { 'out/answer.txt': 'x' });
    expect(verdict).toMatchObject({
      result: { status: 'crash' },
      code: { flat: 0, native: 0 },
      checks: [{ name: 'answer', value: 0 }],
    });
    expect(codes(verdict)).toEqual(['AgentOutputBrokeVerifier']);
  });

  it('and has no score where the verifier never works', async () => {
    const verdict = await verify({ verifier: '1 / 0', agentCode: 'none' }, {});
    expect(verdict).toMatchObject({ result: { status: 'crash' }, code: undefined, checks: [] });
    expect(verdict.result.message).toMatch(
      /fails on the untouched inputs too: .*ZeroDivisionError/,
    );
  });

  it.each([
    { image: 'example.org/tools:1', says: /own image example\.org\/tools:1/ },
    { needs: ['image-build'] as const, says: /image built from its Dockerfile/ },
  ])('and is refused where the task needs an image: $says', async ({ says, ...environment }) => {
    const trial = { verifier: READS, agentCode: 'none', environment } as const;
    await expect(
      verify({ ...trial, environment: environment as TaskInput['environment'] }, {}),
    ).rejects.toMatchObject({
      code: 'UnsupportedTask',
      message: expect.stringMatching(new RegExp(`${says.source}.*\\(NeedsImage\\)`)),
    });
  });
});
