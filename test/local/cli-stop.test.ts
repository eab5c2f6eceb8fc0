import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { clawgym, decisions, EXAMPLES, resultsOf, startClawgym } from '../support/cli-process.ts';
import { type Fault, startScriptedModel } from '../support/scripted-model-server.ts';

const scratch = mkdtempSync(join(tmpdir(), 'clawgym-cli-stop-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** An agent that asks the model once and keeps the answer. */
const ASK = `python3 -c '
import json, os, urllib.request
ask = {"model": os.environ["CLAWGYM_MODEL"], "messages": [{"role": "user", "content": "Go."}]}
request = urllib.request.Request(
    os.environ["OPENAI_BASE_URL"] + "/chat/completions", json.dumps(ask).encode(),
    {"Content-Type": "application/json", "Authorization": "Bearer x"})
open("answer.json", "wb").write(urllib.request.urlopen(request, timeout=60).read())'`;

const script = () => ({ content: 'Done.' });

function bench(out: string, baseUrl: string): readonly string[] {
  const tasks = ['--tasks', EXAMPLES, '--task', 'log-triage', 'meeting-slot', 'shift-roster'];
  const model = ['--model', 'm', '--base-url', baseUrl, '--command', ASK];
  const agents = ['--agent', 'command', 'solution', '--parallel', '1'];
  return ['bench', ...tasks, ...model, ...agents, '--out', join(scratch, out)];
}

it('stops on Ctrl-C with 130 and a word, and goes on to what an undisturbed run gives', async () => {
  const held = Promise.withResolvers<void>();
  const fault = ({ index }: { index: number }): Fault | undefined =>
    index === 2 ? { kind: 'gate', beforeFrame: 0, open: held.promise } : undefined;
  await using model = await startScriptedModel({ script, fault });
  const args = bench('stopped', model.baseUrl);
  const run = startClawgym(...args);
  // One request before the run, then one a rollout.
  await model.arrived(3);
  run.child.kill('SIGINT');
  const ended = await run.ended;
  held.resolve();
  expect(ended.code).toBe(130);
  expect(ended.stderr).toContain('SIGINT: stopping; run the same command again to continue');
  expect(ended.stderr).toMatch(
    /\nstopped: [01] of 6 rollouts are decided; run the same command again/,
  );
  const [arm] = resultsOf(join(scratch, 'stopped')).arms;
  expect([arm?.complete, arm?.outcomes.undecided]).toEqual([false, expect.any(Number)]);

  expect((await clawgym(...args, '--resume')).code).toBe(0);
  expect((await clawgym(...bench('whole', model.baseUrl))).code).toBe(0);
  const [stopped, whole] = ['stopped', 'whole'].map((name) => resultsOf(join(scratch, name)));
  if (stopped === undefined || whole === undefined) throw new Error('no results');
  expect(decisions(stopped)).toEqual(decisions(whole));
});

it('refuses a second run in the folder of one that goes on, and does not disturb it', async () => {
  const held = Promise.withResolvers<void>();
  const fault = ({ index }: { index: number }): Fault | undefined =>
    index > 0 ? { kind: 'gate', beforeFrame: 0, open: held.promise } : undefined;
  await using model = await startScriptedModel({ script, fault });
  const args = bench('shared', model.baseUrl);
  const run = startClawgym(...args);
  await model.arrived(2);
  const second = await clawgym(...args);
  expect(second.code).toBe(1);
  expect(second.stderr).toContain(`is in use by pid ${run.child.pid}`);
  expect(second.stderr).toMatch(/wait for that run or end it, or name another folder with --out/);
  held.resolve();
  expect((await run.ended).code).toBe(0);
  expect(resultsOf(join(scratch, 'shared')).arms[0]?.outcomes).toEqual({ scored: 3 });
});

it('exits with 3 where infrastructure lost results, and tries them again when asked', async () => {
  let broken = true;
  const fault = (): Fault | undefined => (broken ? { kind: 'status', status: 401 } : undefined);
  await using model = await startScriptedModel({ script, fault });
  const run = await clawgym(...bench('lost', model.baseUrl), '--no-model-check');
  expect(run.code).toBe(3);
  expect(run.stderr).toMatch(/warning: an attempt lost its model.*status 401: check its base URL/);
  expect(run.stdout).toContain('incomplete (coverage below 98%): command');
  const [arm] = resultsOf(join(scratch, 'lost')).arms;
  expect([arm?.outcomes, arm?.coverage, arm?.mean.final]).toEqual([{ infra_error: 3 }, 0, null]);
  expect(run.stderr).toContain('3 rollouts ended as infra_error: mend the cause and run the same');

  broken = false;
  expect((await clawgym(...bench('lost', model.baseUrl))).code).toBe(3);
  const again = await clawgym(...bench('lost', model.baseUrl), '--retry-infra-errors');
  expect(again.code).toBe(0);
  const [mended, solution] = resultsOf(join(scratch, 'lost')).arms;
  expect([mended?.outcomes, solution?.outcomes]).toEqual([{ scored: 3 }, { scored: 3 }]);
});

it('shows a fault that comes after Ctrl-C as the fault that it is', async () => {
  await using model = await startScriptedModel({
    script,
    fault: ({ index }) =>
      index > 0 ? { kind: 'gate', beforeFrame: 0, open: new Promise(() => undefined) } : undefined,
  });
  mkdirSync(join(scratch, 'unwritable/report.html/x'), { recursive: true });
  const run = startClawgym(...bench('unwritable', model.baseUrl));
  await model.arrived(2);
  run.child.kill('SIGINT');
  const ended = await run.ended;
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/error: the results cannot be written to .* \[StoreUnavailable\]/);
});

it('ends at the deadline of its manifest with 124, its results and no talk of a bug', async () => {
  const file = join(scratch, 'deadline.json');
  const agent = { name: 'command', command: ['sleep', '600'] };
  const manifest = {
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'BenchRun',
    metadata: { name: 'deadline' },
    spec: {
      tasks: { path: EXAMPLES, taskIds: ['log-triage'] },
      arms: [{ name: 'sleeper', agent }],
      activeDeadlineSeconds: 6,
    },
  };
  writeFileSync(file, JSON.stringify(manifest));
  const ended = await clawgym('run', '-f', file, '--out', join(scratch, 'deadline'));
  expect(ended.code).toBe(124);
  expect(ended.stderr).toContain(
    "the run's activeDeadlineSeconds passed: 0 of 1 rollouts are decided; run the same command again",
  );
  expect(resultsOf(join(scratch, 'deadline')).arms[0]?.outcomes).toEqual({ undecided: 1 });
});

it('decides nothing with a wrong key, and the same command runs once the key is right', async () => {
  let refuses = true;
  const body = '{"error":{"message":"Incorrect API key provided"}}';
  const fault = (): Fault | undefined =>
    refuses ? { kind: 'status', status: 401, body } : undefined;
  await using model = await startScriptedModel({ script, fault });
  const args = bench('key', model.baseUrl);
  const refused = await clawgym(...args);
  expect([refused.code, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toContain(
    'refused the call with status 401: "Incorrect API key provided"',
  );
  expect(refused.stderr).toMatch(/No rollout was started or decided: check the key/);
  expect(model.requests).toHaveLength(1);
  refuses = false;
  expect((await clawgym(...args)).code).toBe(0);
  expect(resultsOf(join(scratch, 'key')).arms[0]).toMatchObject({
    kind: 'model',
    outcomes: { scored: 3 },
  });
  // Everything is decided, so that nothing is asked again.
  const asked = model.requests.length;
  expect((await clawgym(...args)).code).toBe(0);
  expect(model.requests).toHaveLength(asked);

  const elsewhere = await clawgym(...bench('key', 'http://127.0.0.1:1/v1'));
  expect(elsewhere.code).toBe(1);
  expect(elsewhere.stderr).toMatch(
    /model.baseUrl: "http:.*" there, "http:\/\/127.0.0.1:1\/v1" now/,
  );
});
