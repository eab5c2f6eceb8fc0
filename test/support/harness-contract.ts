import { beforeAll, describe, expect, it } from 'vitest';
import type { PreparedAgent } from '../../src/agents/agent.ts';
import { AgentTask, type TaskSketch } from './agent-tasks.ts';
import { type ExampleTask, exampleTask } from './example-task.ts';
import { type ChatBody, type Episode, realHarness, runEpisode } from './harness-episode.ts';
import { type ScriptedRequest, type ScriptTurn, toolTurn } from './scripted-model-server.ts';

export interface HarnessFacts {
  readonly name: string;
  /** Its name for its shell tool. */
  readonly shell: string;
  readonly tools: readonly string[];
  /** What it does to the text of a turn before the model sees it. */
  readonly prompt: (text: string) => string;
  /** Instructions that its command line or its chat commands could take for something else. */
  readonly awkward: readonly string[];
}

const GATEWAY_LOSS_MS = 5_000;

/** What every real harness must show, unmodified, against the scripted model. */
export function harnessContract(facts: HarnessFacts): void {
  describe(`${facts.name}, unmodified, against a scripted model`, () => {
    let harness: PreparedAgent;
    beforeAll(async () => {
      harness = await realHarness(facts.name);
    });

    it('repairs a script, with parallel reads and a command that fails', async () => {
      const example = await exampleTask('late-fee-script');
      const turns = lateFeeTurns(facts, example);
      const episode = await runEpisode(harness, example, { script: byTurn(turns) });
      expect(episode.run.end).toMatchObject({ exitCode: 0, reason: 'Exited' });
      expect(episode.grade).toMatchObject({ status: 'ok', native: 1, flat: 1 });
      expectRecorded(episode, turns.length);
      expectPrefixStable(episode.requests);
      expect(toolNames(episode)).toEqual(facts.tools);
    });

    it('translates a file after a tool call that fails', async () => {
      const example = await exampleTask('pipeline-toml-to-json');
      const content = example.solution['pipeline.json'] ?? '';
      const turns = [
        toolTurn('read', { path: 'no/such/file.txt' }),
        toolTurn('write', { path: 'pipeline.json', content }),
        { content: 'Translated.' },
      ];
      const episode = await runEpisode(harness, example, { script: byTurn(turns) });
      expect(episode.run.end).toMatchObject({ exitCode: 0, reason: 'Exited' });
      expect(episode.grade).toMatchObject({ status: 'ok', native: 1, flat: 1 });
      expectRecorded(episode, turns.length);
      expectPrefixStable(episode.requests);
    });

    it('goes on when the gateway is away for five seconds in the middle', async () => {
      const example = await exampleTask('late-fee-script');
      const turns = lateFeeTurns(facts, example);
      const { promise: back, resolve, reject } = Promise.withResolvers<void>();
      let lose = (): void => undefined;
      const script = (request: ScriptedRequest) => {
        if (request.turn === 1) lose();
        return byTurn(turns)(request);
      };
      const episode = await runEpisode(
        harness,
        example,
        { script },
        {
          serving: (loseGateway) => {
            lose = () => void loseGateway(GATEWAY_LOSS_MS).then(resolve, reject);
          },
        },
      );
      await back;
      expect(episode.run.end).toMatchObject({ exitCode: 0, reason: 'Exited' });
      expect(episode.run.end.seconds).toBeGreaterThan(GATEWAY_LOSS_MS / 1000);
      expect(episode.grade).toMatchObject({ native: 1 });
      expectRecorded(episode, turns.length);
      expectPrefixStable(episode.requests);
    });

    it('continues a conversation, and opens a new one where a turn says so', async () => {
      const sketch = sketched({
        turns: ['Write one.txt.', 'Now write two.txt.', { text: 'Start anew.', newSession: true }],
      });
      const script = (request: ScriptedRequest): ScriptTurn =>
        request.turn === 0 && request.prompt.includes('one.txt')
          ? toolTurn('write', { path: 'one.txt', content: '1' })
          : { content: 'Done.' };
      const { run, requests, workspace } = await runEpisode(harness, sketch, { script });
      expect(run.end).toMatchObject({ exitCode: 0, reason: 'Exited' });
      expect(workspace).toEqual({ 'one.txt': '1' });
      expect(requests).toHaveLength(4);
      expectPrefixStable(requests.slice(0, 3));
      const [, , second, third] = requests.map((request) => JSON.stringify(request.messages));
      expect(second).toContain('Now write two.txt.');
      expect(third).toContain('Start anew.');
      expect(third).not.toContain('one.txt');
    });

    it.each(facts.awkward)('shows the model the instruction as it is (%#)', async (text) => {
      const sketch = sketched({ turns: [text], inputs: { 'in.txt': 'secret' } });
      const { run, requests } = await runEpisode(harness, sketch, { script: byTurn([]) });
      expect(run.end).toMatchObject({ exitCode: 0, reason: 'Exited' });
      expect(requests).toHaveLength(1);
      expect(userText(requests[0])).toContain(facts.prompt(text));
      expect(userText(requests[0])).not.toContain('secret');
    });

    it('starts every sample of a task from the same prompt', async () => {
      const sketch = sketched({ turns: ['Say hello.'] });
      const samples = [
        await runEpisode(harness, sketch, { script: byTurn([]) }),
        await runEpisode(harness, sketch, { script: byTurn([]) }),
      ];
      expect(samples[0]?.requests).toHaveLength(1);
      expect(samples[1]?.requests).toEqual(samples[0]?.requests);
    });

    it('leaves nothing of its own in the workspace and ends with 1 when the model refuses', async () => {
      const sketch = sketched({ turns: ['Say hello.'], inputs: { 'in.txt': 'x' } });
      const fault = () =>
        ({ kind: 'status', status: 400, body: '{"error":{"message":"no"}}' }) as const;
      const { run, workspace } = await runEpisode(harness, sketch, { script: byTurn([]), fault });
      expect(run.end).toMatchObject({ exitCode: 1, reason: 'Exited' });
      expect(workspace).toEqual({ 'in.txt': 'x' });
    });
  });
}

/** What the model says for the late-fee task: look, then do what the reference solution does. */
function lateFeeTurns({ shell }: HarnessFacts, example: ExampleTask): readonly ScriptTurn[] {
  return [
    {
      content: 'I will look first.',
      reasoning: 'The policy has the constants.',
      toolCalls: [
        { name: 'read', arguments: { path: 'policy.md' } },
        { name: 'read', arguments: { path: 'tools/late_fees.py' } },
      ],
    },
    toolTurn(shell, { command: example.solution['solve.sh'] ?? '' }),
    toolTurn(shell, { command: 'cat out/fees.csv; exit 3' }),
    { content: 'The script is repaired.' },
  ];
}

function byTurn(turns: readonly ScriptTurn[]) {
  return (request: ScriptedRequest): ScriptTurn => turns[request.turn] ?? { content: 'Done.' };
}

function sketched(sketch: TaskSketch): ExampleTask {
  const { task, blobs } = new AgentTask(sketch);
  return { task, blobs, verifier: {}, solution: {} };
}

/** Every call is in the store, whole, once, and with its tokens. */
function expectRecorded({ calls, upstream, responses }: Episode, count: number): void {
  expect(calls.map(({ sequence }) => sequence)).toEqual(calls.map((_call, index) => index + 1));
  expect(calls).toHaveLength(count);
  expect(upstream).toHaveLength(count);
  for (const { finish } of calls) {
    expect(finish).toMatchObject({ status: 200, result: 'complete', inputTokens: 100 });
  }
  for (const response of responses) expect(response).toContain('[DONE]');
}

/** Request k's messages are the first messages of request k+1, with the same tools. */
function expectPrefixStable(requests: readonly ChatBody[]): void {
  for (const [index, request] of requests.slice(1).entries()) {
    const earlier = requests[index];
    expect(request.messages.slice(0, earlier?.messages.length)).toEqual(earlier?.messages);
    expect(request.tools).toEqual(earlier?.tools);
  }
}

function toolNames({ requests }: Episode): readonly string[] {
  const tools = requests[0]?.tools ?? [];
  return tools.map((tool) => (tool as { function: { name: string } }).function.name).toSorted();
}

/** All text of the user's messages, whichever of the two forms it has. */
function userText(request: ChatBody | undefined): string {
  const messages = request?.messages.filter(({ role }) => role === 'user') ?? [];
  return messages
    .flatMap(({ content }) =>
      typeof content === 'string'
        ? [content]
        : (content as { text: string }[]).map(({ text }) => text),
    )
    .join('\n');
}
