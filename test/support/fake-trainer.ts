import { createHash } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/**
 * A trainer that keeps to docs/reference/sft.md and learns nothing: its weights are a chain of digests over
 * the data, one link a step, so that any lost, doubled or skipped step shows in the model's digest.
 * FAULT is `kill@N` (SIGKILL to itself once after step N), `exit@N:CODE` (0: before it looks at anything),
 * `slow:MS` (a pause a step) or `leaves:WHAT` (what is no model, at its end). Of reinforcement it takes
 * runs without anything to learn: it asks until it is told that the run is over.
 */
const need = (name: string): string => {
  const value = process.env[name];
  if (value === undefined || value === '') fail(2, `${name}: the variable is not set`);
  return value ?? '';
};
const out = process.env['RUN_OUT'] ?? '';
const spec = JSON.parse(readFileSync(need('RUN_SPEC'), 'utf8')) as {
  readonly run: string;
  readonly hyper: { readonly maxSteps?: number };
  readonly checkpoint: { readonly everySteps: number };
  readonly rl?: {
    readonly steps: number;
    readonly batches: { readonly url: string; readonly tokenFile: string };
  };
};
const input = need('RUN_IN');
const fault = process.env['FAULT'] ?? '';
const sha256 = (data: string | Uint8Array): string =>
  createHash('sha256').update(data).digest('hex');
let stopped = false;

function fail(code: number, message: string): never {
  if (out !== '') {
    writeFileSync(join(out, 'result.json'), JSON.stringify({ status: 'failed', message }));
  }
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

function verify(folder: string): void {
  const listed = JSON.parse(readFileSync(join(input, folder, 'manifest.json'), 'utf8')) as {
    readonly path: string;
    readonly size: number;
    readonly sha256: string;
  }[];
  for (const { path, size, sha256: digest } of listed) {
    const bytes = readFileSync(join(input, folder, path));
    if (bytes.length !== size || sha256(bytes) !== digest)
      fail(2, `${folder}/${path}: not listed so`);
  }
  const names = readdirSync(join(input, folder), { recursive: true, withFileTypes: true });
  if (names.filter((each) => each.isFile()).length !== listed.length + 1)
    fail(2, `${folder}: strays`);
}

function newest(): { step: number; weights: string } {
  const folder = join(out, 'checkpoints');
  const steps = readdirSync(folder).flatMap((name) => /^step-(\d+)$/.exec(name)?.[1] ?? []);
  const last = steps
    .map(Number)
    .toSorted((a, b) => a - b)
    .at(-1);
  if (last === undefined)
    return { step: 0, weights: sha256(readFileSync(join(input, 'data/train.jsonl'))) };
  return { step: last, weights: readFileSync(join(folder, `step-${last}`, 'weights'), 'utf8') };
}

function save(step: number, weights: string): void {
  const target = join(out, 'checkpoints', `step-${step}`);
  if (existsSync(target)) return;
  mkdirSync(`${target}.tmp`, { recursive: true });
  writeFileSync(join(`${target}.tmp`, 'weights'), weights);
  renameSync(`${target}.tmp`, target);
  writeFileSync(join(out, 'checkpoints', 'latest'), `step-${step}\n`);
}

function publish(steps: number, weights: string): void {
  const model = join(out, 'model');
  rmSync(model, { recursive: true, force: true });
  cpSync(join(input, 'model'), model, { recursive: true });
  rmSync(join(model, 'manifest.json'));
  cpSync(join(input, 'template/chat_template.jinja'), join(model, 'chat_template.jinja'));
  writeFileSync(join(model, 'model.safetensors'), weights);
  const rows = { in: 2, kept: 2, dropped: { noAnswer: 0 }, cut: 1 };
  const result = { status: 'done', steps, tokens: steps * 10, rows, model: { path: 'model' } };
  spoil(model, { ...result, versions: { fake: '1' } });
}

/** What a trainer may leave that is no model. */
function spoil(model: string, result: object): void {
  const write = (value: unknown): void =>
    writeFileSync(join(out, 'result.json'), JSON.stringify(value));
  switch (fault) {
    case 'leaves:nothing':
      return;
    case 'leaves:half':
      writeFileSync(join(out, 'result.json'), '{"status":"do');
      return;
    case 'leaves:elsewhere':
      write({ ...result, model: { path: '../in/model' } });
      return;
    case 'leaves:weightless':
      rmSync(join(model, 'model.safetensors'));
      break;
    case 'leaves:code':
      writeFileSync(join(model, 'pytorch_model.bin'), 'weights');
      break;
    case 'leaves:link':
      symlinkSync('/etc/passwd', join(model, 'notes.txt'));
  }
  write(result);
}

async function train(): Promise<void> {
  const refused = /^exit@0:(\d+)$/.exec(fault)?.[1];
  if (refused !== undefined) fail(Number(refused), `told to end with ${refused}`);
  for (const folder of ['model', 'template']) verify(folder);
  if (spec.rl !== undefined) return await reinforce(spec.rl);
  verify('data');
  mkdirSync(join(out, 'checkpoints'), { recursive: true });
  const total = spec.hyper.maxSteps ?? 5;
  let { step, weights } = newest();
  appendFileSync(join(out, 'starts'), `${step}\n`);
  while (step < total) {
    step += 1;
    weights = sha256(weights + step);
    const row = { step, totalSteps: total, loss: 1 / step, tokens: step * 10 };
    appendFileSync(join(out, 'metrics.jsonl'), `${JSON.stringify(row)}\n`);
    if (stopped || step % spec.checkpoint.everySteps === 0) save(step, weights);
    if (stopped) process.exit(143);
    await misbehave(step);
  }
  publish(step, weights);
}

async function reinforce({ steps, batches }: NonNullable<typeof spec.rl>): Promise<void> {
  const headers = { authorization: `Bearer ${readFileSync(batches.tokenFile, 'utf8')}` };
  const url = `${batches.url}/v1/runs/${encodeURIComponent(spec.run)}/batches/next`;
  let status = 204;
  while (status === 204) status = (await fetch(url, { headers })).status;
  if (status !== 410) fail(2, `batches/next: ${status}`);
  publish(steps, sha256('nothing was learnt'));
}

async function misbehave(step: number): Promise<void> {
  const once = join(out, 'faulted');
  const [what, at = '', code = ''] = fault.split(/[@:]/);
  if (what === 'slow') await new Promise((resolve) => setTimeout(resolve, Number(at)));
  if (Number(at) !== step || existsSync(once)) return;
  if (what === 'kill') {
    writeFileSync(once, '');
    process.kill(process.pid, 'SIGKILL');
  }
  if (what === 'exit') fail(Number(code), `step ${step}: told to end with ${code}`);
}

process.on('SIGTERM', () => {
  stopped = true;
});
// As every program that is guarded: whoever started it has died.
process.stdin.on('end', () => process.exit(137)).resume();
await train();
process.exit(0);
