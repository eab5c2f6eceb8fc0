import { expect, test } from 'vitest';
import type { ProcessSandbox, SandboxExit, SandboxSpec } from '../../phases/process-sandbox.ts';
import { BoundedSandbox } from './bounded-sandbox.ts';

const exit = { exitCode: 0 } as SandboxExit;
const spec = (name: string): SandboxSpec => ({ name }) as SandboxSpec;
const never = new AbortController().signal;

/** A sandbox whose programs end when told to. */
function manual() {
  const running = new Map<string, (end: SandboxExit) => void>();
  const started: string[] = [];
  const sandbox: ProcessSandbox = {
    root: 'test',
    run: ({ name }) => {
      started.push(name);
      return new Promise((resolve) => running.set(name, resolve));
    },
  };
  const end = async (name: string): Promise<void> => {
    running.get(name)?.(exit);
    running.delete(name);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { sandbox, started, end };
}

test('runs no more than the limit at a time, the others in order', async () => {
  const { sandbox, started, end } = manual();
  const bounded = new BoundedSandbox(sandbox, 2);
  const runs = ['a', 'b', 'c', 'd'].map((name) => bounded.run(spec(name), never));
  await new Promise((resolve) => setImmediate(resolve));
  expect(started).toEqual(['a', 'b']);
  await end('b');
  expect(started).toEqual(['a', 'b', 'c']);
  await end('a');
  await end('c');
  await end('d');
  await Promise.all(runs);
  expect(started).toEqual(['a', 'b', 'c', 'd']);
});

test('gives up waiting on an abort and loses no slot', async () => {
  const { sandbox, started, end } = manual();
  const bounded = new BoundedSandbox(sandbox, 1);
  const first = bounded.run(spec('a'), never);
  const stop = new AbortController();
  const waiting = bounded.run(spec('b'), stop.signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'Cancelled' });
  await end('a');
  await first;
  const later = bounded.run(spec('c'), never);
  await new Promise((resolve) => setImmediate(resolve));
  await end('c');
  await later;
  expect(started).toEqual(['a', 'c']);
});

test('a sandbox that fails gives its slot back', async () => {
  const failing: ProcessSandbox = { root: 'test', run: () => Promise.reject(new Error('broken')) };
  const bounded = new BoundedSandbox(failing, 1);
  await expect(bounded.run(spec('a'), never)).rejects.toThrow('broken');
  await expect(bounded.run(spec('b'), never)).rejects.toThrow('broken');
});
