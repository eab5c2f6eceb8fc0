import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MemoryArtifacts } from '../../../test/support/memory-artifacts.ts';
import type { Sha256 } from '../../base/brand.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import type { UpstreamRequest } from '../../gateway/upstream.ts';
import type { PolicyPodBody } from '../../protocol/policy-api.ts';
import { type PolicyAddress, PolicyDesk } from './policy-desk.ts';
import { PolicyPodUpstream } from './policy-pod-upstream.ts';

const KEY = 'k'.repeat(43);
const NEVER = new AbortController().signal;
const ASK: UpstreamRequest = { body: Buffer.from('{}'), accept: 'application/json' };

let artifacts: MemoryArtifacts;
let model: Sha256;
let proofs: PolicyAddress[];
let prove: () => Promise<void>;
let answer: (address: PolicyAddress, signal: AbortSignal) => Promise<string>;
let closed: string[];
let desk: PolicyDesk;

const file = (path: string) => ({ path, digest: sha256(path), bytes: path.length });

async function storeModel(name: string): Promise<Sha256> {
  const manifest = {
    ...{ format: 'model/v1', kind: 'full', files: [file('config.json'), file(name)] },
    template: { path: 'chat_template.jinja', sha256: sha256('t') },
    tokenizer: { sha256: sha256('k') },
    record: { versions: {}, parents: [] },
  };
  return (await artifacts.put(Buffer.from(JSON.stringify(manifest)))).digest;
}

beforeEach(async () => {
  artifacts = new MemoryArtifacts();
  model = await storeModel('a.safetensors');
  [proofs, closed] = [[], []];
  prove = () => Promise.resolve();
  answer = ({ baseUrl }) => Promise.resolve(baseUrl);
  desk = new PolicyDesk({
    artifacts,
    connect: (address) => ({
      name: address.name,
      chat: async (_ask, signal) => ({
        ...{ status: 200, headers: {} },
        body: Readable.from([Buffer.from(await answer(address, signal))]),
      }),
      [Symbol.asyncDispose]: async () => void closed.push(address.baseUrl),
    }),
    prove: (address) => {
      proofs.push(address);
      return prove();
    },
    originOf: (podIP) => `http://${podIP}:8000`,
  });
});
afterEach(() => desk[Symbol.asyncDispose]());

const body = (over: Partial<PolicyPodBody> = {}): PolicyPodBody => ({
  ...{ namespace: 'team-a', owner: 'batch-1', name: 'mine', model, version: 0, batches: [] },
  ...over,
});
const pod = (podUid: string, podIP: string | undefined = '10.0.0.1') => ({ podUid, podIP });
const report = (podUid: string, podIP?: string, version: number | null = 0) =>
  desk.report(pod(podUid, podIP), { key: KEY, version });
/** The state once what a report set off is done. */
async function settled(podUid: string, phase: string, over: Partial<PolicyPodBody> = {}) {
  return await expect
    .poll(() => desk.expect(podUid, body(over)), { interval: 1 })
    .toMatchObject({ phase });
}
const saidBy = async (owner = 'batch-1', signal = NEVER, wanted = model): Promise<string> => {
  const upstream = new PolicyPodUpstream(owner, { name: 'mine', model: wanted }, desk);
  return await text(Readable.from((await upstream.chat(ASK, signal)).body));
};

it('a pod serves once it was told of, answers with the wanted version and was proven', async () => {
  await expect(report('pod-1')).rejects.toThrow(/has not told of this pod/);
  expect(await desk.expect('pod-1', body())).toEqual({ phase: 'unheard', message: '' });
  expect(await desk.files('pod-1')).toMatchObject({ version: 0, template: 'chat_template.jinja' });
  await report('pod-1', undefined, null);
  expect(await desk.expect('pod-1', body())).toEqual({ phase: 'loading', message: '' });
  const asked = saidBy();
  expect(await report('pod-1')).toEqual({ version: 0 });
  await settled('pod-1', 'served');
  expect(proofs).toEqual([{ baseUrl: 'http://10.0.0.1:8000/v1', key: KEY, name: 'mine' }]);
  expect(await asked).toBe('http://10.0.0.1:8000/v1');
  await report('pod-1');
  await settled('pod-1', 'served');
  expect(proofs).toHaveLength(1);
});

it('reads are bound to the files of the model that the pod is to serve', async () => {
  await desk.expect('pod-1', body());
  expect(await desk.mayRead('pod-1', sha256('config.json'))).toBe(true);
  expect(await desk.mayRead('pod-1', sha256('of another model'))).toBe(false);
  expect(await desk.mayRead('pod-1', model)).toBe(false);
});

it('a model that answers otherwise than its record says is refused until another is wanted', async () => {
  prove = () => Promise.reject(new ClawError('Conflict', 'the canary differs'));
  await desk.expect('pod-1', body());
  await report('pod-1');
  await settled('pod-1', 'refused');
  prove = () => Promise.resolve();
  await report('pod-1');
  expect(await desk.expect('pod-1', body())).toMatchObject({ message: 'the canary differs' });
  const other = { model: await storeModel('b.safetensors'), version: 1 };
  await desk.expect('pod-1', body(other));
  expect(await report('pod-1')).toEqual({ version: 1 });
  await report('pod-1', '10.0.0.1', 1);
  await settled('pod-1', 'served', other);
});

it('a server that could not be asked is asked again with the next report', async () => {
  prove = () => Promise.reject(new ClawError('UpstreamFailed', 'connection refused'));
  await desk.expect('pod-1', body());
  await report('pod-1');
  await expect
    .poll(() => desk.expect('pod-1', body()), { interval: 1 })
    .toMatchObject({ phase: 'proving', message: 'connection refused' });
  prove = () => Promise.resolve();
  await report('pod-1');
  await settled('pod-1', 'served');
});

it('what a pod could not load is said, and no call goes to it meanwhile', async () => {
  await desk.expect('pod-1', body({ version: 3 }));
  await desk.report(pod('pod-1'), { key: KEY, version: 2, problem: 'no room' });
  const state = { phase: 'loading', message: 'no room', version: 2 };
  expect(await desk.expect('pod-1', body({ version: 3 }))).toEqual(state);
  expect(proofs).toEqual([]);
});

it('a call that was under way when its pod was lost is asked anew of the next one', async () => {
  await desk.expect('pod-1', body());
  await report('pod-1');
  await settled('pod-1', 'served');
  const begun = Promise.withResolvers<void>();
  answer = async ({ baseUrl }, signal) => {
    if (baseUrl.includes('10.0.0.2')) return baseUrl;
    begun.resolve();
    return await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('lost')), { once: true });
    });
  };
  const asked = saidBy();
  await begun.promise;
  await desk.expect('pod-2', body());
  expect(closed).toEqual(['http://10.0.0.1:8000/v1']);
  await expect(report('pod-1')).rejects.toThrow(/has not told/);
  await report('pod-2', '10.0.0.2');
  expect(await asked).toBe('http://10.0.0.2:8000/v1');
});

it('an owner is answered by its own pods alone, and a call that waits ends with its signal', async () => {
  await desk.expect('pod-1', body());
  await report('pod-1');
  await settled('pod-1', 'served');
  const stop = new AbortController();
  const asked = saidBy('batch-2', stop.signal);
  stop.abort(new ClawError('Cancelled', 'too late'));
  await expect(asked).rejects.toThrow('too late');
});

it('a pod of a run answers the batch that was told of, with the model of that batch and no other', async () => {
  const run = { owner: 'run-1', batches: ['batch-1'] };
  await desk.expect('pod-1', body(run));
  await report('pod-1');
  await settled('pod-1', 'served', run);
  expect(desk.stateFor('batch-1', { name: 'mine', model })).toMatchObject({ phase: 'served' });
  expect(await saidBy()).toBe('http://10.0.0.1:8000/v1');
  const late = new AbortController();
  const strangers = [saidBy('batch-2', late.signal), saidBy('batch-1', late.signal, sha256('b'))];
  const next = await storeModel('b.safetensors');
  const second = { owner: 'run-1', batches: ['batch-2'], model: next, version: 1 };
  await desk.expect('pod-1', body(second));
  expect(desk.stateFor('batch-2', { name: 'mine', model: next }).phase).toBe('loading');
  expect(desk.stateFor('batch-1', { name: 'mine', model })).toMatchObject({ phase: 'unheard' });
  late.abort(new ClawError('Cancelled', 'the batch is over'));
  for (const stranger of strangers) await expect(stranger).rejects.toThrow('the batch is over');
  const asked = saidBy('batch-2', NEVER, next);
  expect(await report('pod-1')).toEqual({ version: 1 });
  await report('pod-1', '10.0.0.1', 1);
  await settled('pod-1', 'served', second);
  expect(await asked).toBe('http://10.0.0.1:8000/v1');
});

it('no call is answered by the version that comes while it is under way', async () => {
  await desk.expect('pod-1', body());
  await report('pod-1');
  await settled('pod-1', 'served');
  const begun = Promise.withResolvers<void>();
  const late = Promise.withResolvers<string>();
  answer = async () => {
    begun.resolve();
    return await late.promise;
  };
  const stop = new AbortController();
  const asked = saidBy('batch-1', stop.signal);
  await begun.promise;
  const other = { model: await storeModel('b.safetensors'), version: 1 };
  await desk.expect('pod-1', body(other));
  late.resolve('from the version that came');
  await report('pod-1', '10.0.0.1', 1);
  await settled('pod-1', 'served', other);
  stop.abort(new ClawError('Cancelled', 'the batch is over'));
  await expect(asked).rejects.toThrow('the batch is over');
});

it('a pod that says another version than the one that was proven answers nobody', async () => {
  await desk.expect('pod-1', body({ version: 1 }));
  await report('pod-1', '10.0.0.1', 1);
  await settled('pod-1', 'served', { version: 1 });
  await report('pod-1', '10.0.0.1', 0);
  expect(await desk.expect('pod-1', body({ version: 1 }))).toMatchObject({ phase: 'loading' });
  expect(closed).toEqual(['http://10.0.0.1:8000/v1']);
});

it('an owner that is over has its connections closed', async () => {
  await desk.expect('pod-1', body());
  await report('pod-1');
  await settled('pod-1', 'served');
  await desk.end('batch-1');
  expect([closed, desk.expected('pod-1')]).toEqual([['http://10.0.0.1:8000/v1'], undefined]);
});
