import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../src/base/brand.ts';
import { openFileArtifacts } from '../src/store/file-artifacts.ts';
import { Claim } from './support/claim.ts';
import { type CliRun, clawgym, readResults } from './support/clawgym.ts';
import { LAST_WORDS } from './support/second-endpoint/scripted-chain.ts';
import {
  type SecondEndpoint,
  startSecondEndpoint,
} from './support/second-endpoint/start-server.ts';
import { readStore } from './support/store-state.ts';
import { readRecordLines, readSummary, readSynthesis } from './support/synthesis-bed.ts';

/**
 * Claim lifecycle/11: SynthesisJob and BenchRun of deploy/samples/endpoint against the server of llama.cpp,
 * which shares nothing with this project; address and key are all that is given. What is shown is the
 * wire, not a model: the weights are a table that calls one tool and then ends (support/second-endpoint).
 */
const SAMPLES = resolve(import.meta.dirname, '../deploy/samples/endpoint');
const KEY_NAME = 'CLAWGYM_CLAIM_KEY';
/** Reasons that are about what the model said; anything else would be the wire's fault. */
const HONEST: ReadonlySet<string> = new Set(['MalformedAnswer']);

const zBody = z.looseObject({
  stream: z.boolean().nullish(),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }) })).optional(),
});

const claim = new Claim();
const key = `sk-${randomBytes(16).toString('hex')}`;
const scratch = await mkdtemp(join(tmpdir(), 'clawgym-endpoint-'));

function run(
  manifest: string,
  { baseUrl }: SecondEndpoint,
  given: string,
  out: string,
): Promise<CliRun> {
  process.env[KEY_NAME] = given;
  const where = ['--base-url', baseUrl, '--api-key-env', KEY_NAME, '--out', out];
  return clawgym(['run', '-f', join(SAMPLES, manifest), ...where]);
}

/** Tokens and calls as this side counted them. */
interface Counted {
  readonly calls: number;
  readonly output: number;
}

async function synthesis(server: SecondEndpoint): Promise<Counted> {
  const out = join(scratch, 'synthesis');
  const { exitCode, stderr } = await run('synthesisjob.yaml', server, key, out);
  claim.check(exitCode === 3, `SynthesisJob: exit code ${exitCode}: ${stderr.slice(-800)}`);
  const lines = await readRecordLines(out);
  for (const { number, stage, reason = '', message = '', calls } of lines) {
    const honest = stage === 'rejected' && HONEST.has(reason) && calls.length > 1;
    claim.check(honest, `record ${number} ended as ${stage} ${reason}: ${message}`);
  }
  const { calls } = await readSynthesis(out, 'few-tasks');
  for (const { callId, status, inputTokens, outputTokens } of calls) {
    const sound = status === 200 && inputTokens > 0 && outputTokens > 0;
    claim.check(sound, `call ${callId}: ${status}, ${inputTokens} and ${outputTokens} tokens`);
  }
  const { records, ended } = await readSummary(out);
  claim.check(records === 4 && lines.length === 4, `${records} records, expected 4`);
  claim.check(ended === 'RecordsExhausted', `the job ended as ${ended}`);
  return { calls: calls.length, output: sum(calls.map(({ outputTokens }) => outputTokens)) };
}

async function benchmark(server: SecondEndpoint): Promise<Counted & { readonly tools: number }> {
  const out = join(scratch, 'bench');
  const { exitCode, stderr } = await run('benchrun.yaml', server, key, out);
  claim.check(exitCode === 0, `BenchRun: exit code ${exitCode}: ${stderr.slice(-800)}`);
  const { arms } = await readResults(out);
  for (const arm of arms) {
    const expected = arm.name === 'nop' ? 0 : 1;
    for (const { outcome, reason, score } of arm.tasks.flatMap(({ attempts }) => attempts))
      claim.check(
        outcome === 'scored' && score.final === expected,
        `arm ${arm.name}: ${outcome} ${reason}, score ${score.final}, expected ${expected}`,
      );
  }
  const pi = arms.find(({ name }) => name === 'pi')?.tokens;
  claim.check(pi?.unmetered === 0, `${pi?.unmetered} calls of pi without a count of tokens`);
  const artifacts = await openFileArtifacts(join(out, 'store', 'artifacts'));
  let tools = 0;
  let ends = 0;
  for (const { callId, request, finish } of (await readStore(out)).calls.values()) {
    claim.check(finish?.status === 200, `call ${callId} of pi: status ${finish?.status}`);
    const body = zBody.parse(parseJson(Buffer.from(await artifacts.read(request)).toString()));
    const shown = body.tools?.some((tool) => tool.function.name === 'bash') === true;
    claim.check(shown && body.stream === true, `call ${callId} of pi shows no tools, or no stream`);
    const answer =
      finish === undefined ? '' : Buffer.from(await artifacts.read(finish.response)).toString();
    if (answer.includes('"tool_calls"')) tools += 1;
    if (wordsOf(answer).includes(LAST_WORDS)) ends += 1;
  }
  claim.check(
    tools === 2 && ends === 2,
    `${tools} answers with a call of a tool, ${ends} with an end`,
  );
  return { calls: pi?.calls ?? 0, output: pi?.output ?? 0, tools };
}

/** The text of a streamed answer. */
function wordsOf(answer: string): string {
  const zChunk = z.looseObject({
    choices: z.array(z.looseObject({ delta: z.looseObject({ content: z.string().nullish() }) })),
  });
  const data = [...answer.matchAll(/^data: (\{.*\})$/gm)].map(([, json = '']) => json);
  const chunks = data.map((json) => zChunk.safeParse(parseJson(json)));
  return chunks.map(({ data: chunk }) => chunk?.choices[0]?.delta.content ?? '').join('');
}

/** A wrong key stops either run before it has begun, and the message says which key. */
async function wrongKey(server: SecondEndpoint): Promise<void> {
  for (const manifest of ['synthesisjob.yaml', 'benchrun.yaml']) {
    const out = join(scratch, `wrong-${manifest}`);
    const { exitCode, stderr } = await run(manifest, server, `sk-${'0'.repeat(32)}`, out);
    const said = /status 401.*check the key/s.test(stderr) && stderr.includes(KEY_NAME);
    claim.check(exitCode === 1 && said, `${manifest} with a wrong key: ${exitCode}: ${stderr}`);
    claim.check((await readStore(out)).decisions.size === 0, `${manifest}: a rollout was decided`);
  }
}

/** Files below the folder that hold the key. */
async function holdingKey(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name));
  const held = await Promise.all(paths.map(async (path) => (await readFile(path)).includes(key)));
  return paths.filter((_, at) => held[at] === true);
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

try {
  const side = join(scratch, 'server');
  await mkdir(side);
  await using server = await startSecondEndpoint(side, key);
  const before = await server.generated();
  const made = await synthesis(server);
  const benched = await benchmark(server);
  const counted = made.output + benched.output;
  const own = (await server.generated()) - before;
  // Two more answers: each run asks for one token before it begins.
  const asked = own - counted;
  claim.check(asked >= 0 && asked <= 8, `the server counts ${own} tokens, the runs ${counted}`);
  await wrongKey(server);
  for (const folder of ['synthesis', 'bench']) {
    const held = await holdingKey(join(scratch, folder));
    claim.check(held.length === 0, `the key is in ${held.join(', ')}`);
  }
  claim.finish(
    `${made.calls} calls of a SynthesisJob, ${benched.calls} of pi, ${benched.tools} with a tool; all records and rollouts decided; ${counted} tokens counted, ${own} by the server; a wrong key stops both`,
  );
} finally {
  await rm(scratch, { recursive: true, force: true });
}
