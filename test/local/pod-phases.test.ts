import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { NO_PROGRAM, podAgentSpec } from '../../src/phases/agent-spec.ts';
import { emptyPayload } from '../../src/phases/grade-payload.ts';
import { DEFAULT_GRADE_LIMITS, gradeSpec } from '../../src/phases/grade-spec.ts';
import { DEFAULT_SNAPSHOT_CAPS } from '../../src/phases/snapshot-caps.ts';
import {
  type AttemptEndBody,
  type VerdictBody,
  zAttemptEndBody,
  zVerdictBody,
} from '../../src/protocol/sandbox-api.ts';
import { TASK_SCHEMA, type Task, zTask } from '../../src/tasks/task.ts';
import { readVerdict } from '../../src/verifiers/verdict.ts';
import { type ExampleTask, exampleTask } from '../support/example-task.ts';
import { FORGED_STOP } from '../support/forged-stop.ts';
import { PodContainers } from '../support/pod-containers.ts';
import { scratchFolder } from '../support/sandbox-host.ts';
import { type Script, ScriptedListener } from '../support/scripted-listener.ts';

const NONCE = 'n0nce';
const scratch = scratchFolder();
let example: ExampleTask;
beforeAll(async () => {
  example = await exampleTask('contact-split');
});
afterAll(() => scratch.remove());

const claims =
  (byRole: Readonly<Record<string, object>>): Script =>
  ({ path }) => {
    const role = path.split('/claims/')[1];
    if (role === undefined) return undefined;
    const claim = byRole[role] ?? {};
    return 'decision' in claim
      ? { status: 409, json: claim }
      : { json: { attempt: 'a', credential: 'c', ...claim } };
  };

interface Rollout {
  readonly scripts: readonly string[];
  readonly changes?: readonly object[];
}

/** One rollout pod over the example task, from stage to companion. */
async function rollout({ scripts, changes = [] }: Rollout) {
  const { task, blobs } = example;
  const wrapperSpec = podAgentSpec({
    plan: { ...NO_PROGRAM, commands: scripts.map((text) => ({ argv: ['bash', '-c', text] })) },
    workspacePath: task.workspace.path,
    deadlineSeconds: 30,
    memoryMiB: 256,
    workspaceMiB: 64,
    workspaceEntries: 10_000,
    tmpMiB: 64,
    nonce: NONCE,
  });
  const inputs = task.workspace.inputs.map(({ path, digest, executable }) => {
    return { path, content: { digest }, executable };
  });
  const companion = { reportNonce: NONCE, gatewayLossSeconds: 9, caps: DEFAULT_SNAPSHOT_CAPS };
  const listener = await ScriptedListener.start(
    claims({ stage: { inputs, changes, agentFiles: [], wrapperSpec }, companion }),
  );
  await putFiles(listener, task, blobs);
  const pod = new PodContainers(scratch.fresh(), listener, task.workspace.path);
  const staged = await pod.start('stage').end;
  expect(staged).toMatchObject({ code: 0 });
  const sidecar = pod.start('companion');
  await expect.poll(() => existsSync(pod.readyFile), { timeout: 20_000 }).toBe(true);
  const agent = await pod.startAgent().end;
  await sidecar.signal('SIGTERM');
  expect(await sidecar.end).toMatchObject({ code: 0 });
  const end: AttemptEndBody = zAttemptEndBody.parse(listener.posted('/rollouts/v1/end')[0]);
  return { agent, end, listener };
}

async function putFiles(listener: ScriptedListener, task: Task, blobs: ExampleTask['blobs']) {
  for (const { digest } of [...task.workspace.inputs, ...(task.verifier?.files ?? [])]) {
    listener.put(await blobs.read(digest));
  }
}

function fetchClaim(
  task: Task,
  snapshot: string | undefined,
  timeoutSeconds = 30,
  over: { readonly cpuSeconds?: number } = {},
): object {
  if (task.verifier === undefined) throw new Error(`${task.id} has no verifier`);
  const graderSpec = gradeSpec({
    verifier: task.verifier,
    workspacePath: task.workspace.path,
    payload: emptyPayload(task),
    timeoutSeconds,
    limits: DEFAULT_GRADE_LIMITS,
    nonce: NONCE,
  });
  const caps = DEFAULT_SNAPSHOT_CAPS;
  return {
    kind: 'main',
    task,
    snapshot,
    changes: [],
    caps,
    graderSpec: { ...graderSpec, ...over },
  };
}

/** One verify pod over a snapshot of the example task. */
async function verify(from: ScriptedListener, snapshot: string | undefined) {
  const { task, blobs } = example;
  await using listener = await ScriptedListener.start(
    claims({
      fetch: fetchClaim(task, snapshot),
      report: { kind: 'main', verdictNonce: NONCE },
    }),
  );
  for (const bytes of from.artifacts.values()) listener.put(bytes);
  await putFiles(listener, task, blobs);
  const pod = new PodContainers(scratch.fresh(), listener, task.workspace.path);
  expect(await pod.start('fetch').end).toMatchObject({ code: 0 });
  const sidecar = pod.start('report');
  await expect.poll(() => existsSync(pod.readyFile), { timeout: 20_000 }).toBe(true);
  const grade = await pod.startGrade().end;
  const left = readdirSync(pod.volume('verdict'));
  await sidecar.signal('SIGTERM');
  expect(await sidecar.end).toMatchObject({ code: 0 });
  const said: VerdictBody = zVerdictBody.parse(listener.posted('/rollouts/v1/verdict')[0]);
  return { grade, left, reading: readVerdict(said.text ?? '', NONCE) };
}

describe('a rollout and its verification, container by container', () => {
  it('give the reference solution its full score', async () => {
    const { agent, end, listener } = await rollout({ scripts: Object.values(example.solution) });
    await using _ = listener;
    expect(agent).toMatchObject({ code: 0 });
    expect(end).toMatchObject({ agent: { exitCode: 0, reason: 'Exited' }, findings: [] });
    const { grade, left, reading } = await verify(listener, end.snapshot);
    expect(grade).toMatchObject({ code: 0 });
    expect(left).toEqual(['verdict.json']);
    expect(reading).toMatchObject({ verdict: { status: 'ok', flat: 1, native: 1 } });
  });

  it('take an agent that is no program from the changes of stage', async () => {
    const content = { inline: Buffer.from('lazy').toString('base64') };
    const changes = [{ op: 'write', path: 'contacts/made', content, executable: false }];
    const { agent, end, listener } = await rollout({ scripts: [], changes });
    await using _ = listener;
    expect(agent).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(end).toMatchObject({ agent: { exitCode: 0, reason: 'Exited', seconds: 0 } });
    const tar = Buffer.from(listener.artifacts.get(end.snapshot ?? '') ?? []).toString();
    expect(tar).toContain('contacts/made');
  });

  it('keep and grade what a failing and hostile program left', async () => {
    const { agent, end, listener } = await rollout({
      scripts: [
        'mkfifo pipe; ln -s / up; mkdir shut; : > shut/f; chmod 0 shut/f shut; echo hi; exit 3',
      ],
    });
    await using _ = listener;
    expect(agent.code).toBe(3);
    expect(end).toMatchObject({ agent: { exitCode: 3 }, stdout: sha256('hi\n') });
    expect(end.findings.map(({ code }) => code)).toEqual(['EntrySkipped', 'EntrySkipped']);
    const { reading } = await verify(listener, end.snapshot);
    expect(reading).toMatchObject({ verdict: { status: 'ok' } });
    expect('verdict' in reading && (reading.verdict.flat ?? 1)).toBeLessThan(1);
  });
});

describe('a grader', () => {
  const STUBBORN = `
import os, signal, subprocess, sys
child = subprocess.Popen(["sleep", "100"])
child.terminate()
ended = child.wait(10)
for _ in range(100): os.kill(os.getpid(), 0)
subprocess.run(["bash", "-c", "kill -TERM 1; trap 'exit 5' TERM; kill -TERM $$"])
subprocess.run([sys.executable, "-c", ${JSON.stringify(FORGED_STOP)}])
open(sys.argv[1] + "/began", "w").write(str(ended))
signal.pause()
`;
  /** One step of the interpreter, in which neither signals nor threads get their turn. */
  const ONE_STEP = 'sum(range(10 ** 15))';

  async function startGrading(check: string, over: { readonly cpuSeconds?: number } = {}) {
    const task: Task = zTask.parse({
      schema: TASK_SCHEMA,
      id: 'hang',
      instruction: { turns: [{ text: 'x' }] },
      workspace: { path: '/work', inputs: [] },
      verifier: {
        dialect: 'check-json',
        entry: 'check.py',
        files: [{ path: 'check.py', digest: sha256(check), size: check.length }],
        agentCode: 'none',
      },
    });
    await using listener = await ScriptedListener.start(
      claims({ fetch: fetchClaim(task, undefined, 60, over) }),
    );
    listener.put(Buffer.from(check));
    const pod = new PodContainers(scratch.fresh(), listener, '/work');
    expect(await pod.start('fetch').end).toMatchObject({ code: 0 });
    return { grade: pod.startGrade(), pod };
  }

  it('that is told to stop ends at once without a verdict, and what it grades still hears signals', async () => {
    const { grade, pod } = await startGrading(STUBBORN);
    const began = join(pod.volume('workspace'), 'began');
    await expect.poll(() => existsSync(began), { timeout: 20_000 }).toBe(true);
    const told = performance.now();
    await grade.signal('SIGTERM');
    expect(await grade.end).toMatchObject({ code: 143 });
    expect(performance.now() - told).toBeLessThan(2000);
    expect(readdirSync(pod.volume('verdict'))).toEqual([]);
  });

  it('whose verifier lets nothing else run is ended by the kernel', async () => {
    const { grade, pod } = await startGrading(ONE_STEP, { cpuSeconds: 2 });
    expect(await grade.end).toMatchObject({ code: 137 });
    expect(readdirSync(pod.volume('verdict'))).toEqual([]);
  });
});

describe('the program of the trusted containers', () => {
  const podOf = (listener: ScriptedListener) => new PodContainers(scratch.fresh(), listener, '/w');

  it('ends with 42 where the index is decided, and says so in its log', async () => {
    const none = { decision: 'decided', reason: 'scored already' };
    await using listener = await ScriptedListener.start(claims({ stage: none }));
    const end = await podOf(listener).start('stage').end;
    expect(end.code).toBe(42);
    expect(JSON.parse(end.stderr)).toMatchObject({ level: 'info', reason: 'scored already' });
  });

  it('ends with 143 at SIGTERM before the agent could start', async () => {
    const none = { decision: 'wait', reason: 'open', retryAfterSeconds: 60 };
    await using listener = await ScriptedListener.start(claims({ fetch: none }));
    const running = podOf(listener).start('fetch');
    await expect.poll(() => listener.seen.length, { timeout: 20_000 }).toBe(1);
    await running.signal('SIGTERM');
    expect((await running.end).code).toBe(143);
  });

  it('fails with one line that says what the server answered', async () => {
    await using listener = await ScriptedListener.start(() => ({ status: 403, json: { no: 1 } }));
    const end = await podOf(listener).start('stage').end;
    expect(end.code).toBe(1);
    expect(JSON.parse(end.stderr)).toMatchObject({
      level: 'error',
      error: 'claim of stage: the server answered 403: {"no":1}',
    });
  });

  it('clears what a pod that ran before its node was restarted left', async () => {
    const claim = { inputs: [], changes: [], agentFiles: [], wrapperSpec: { commands: [] } };
    await using listener = await ScriptedListener.start(claims({ stage: claim }));
    const pod = podOf(listener);
    writeFileSync(join(pod.volume('workspace'), 'old'), '');
    expect((await pod.start('stage').end).code).toBe(0);
    expect(readdirSync(pod.volume('workspace'))).toEqual([]);
  });
});
