import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { expect, it, onTestFinished, vi } from 'vitest';
import { spliceBody } from './splice-body.ts';

function aSplice(take: (body: Readable) => Promise<unknown>) {
  const uncaught = vi.fn<(thrown: unknown) => void>();
  process.on('uncaughtExceptionMonitor', uncaught);
  onTestFinished(() => void process.off('uncaughtExceptionMonitor', uncaught));
  const source = new PassThrough();
  const request = { headers: {}, raw: source } as unknown as FastifyRequest;
  const reply = { header: vi.fn<() => void>() } as unknown as FastifyReply;
  return { source, uncaught, splice: () => spliceBody(request, reply, 1000, take) };
}

it('a connection that ends before its body is read fails that reader, and nothing else', async () => {
  const turn = Promise.withResolvers<void>();
  const { source, uncaught, splice } = aSplice(async (body) => {
    await turn.promise;
    return await buffer(body);
  });
  const spliced = splice();
  source.write('a part');
  source.destroy();
  await once(source, 'close');
  await setImmediate();
  expect(uncaught).not.toHaveBeenCalled();
  turn.resolve();
  await expect(spliced).rejects.toThrow('the connection ended');
});

it('a body that was refused unread holds nothing, and may lose its connection', async () => {
  let given: Readable | undefined;
  const { source, uncaught, splice } = aSplice((body) => {
    given = body;
    return Promise.reject(new Error('ENOSPC'));
  });
  source.write('a part');
  await expect(splice()).rejects.toThrow('ENOSPC');
  expect(given?.destroyed).toBe(true);
  source.destroy();
  await once(source, 'close');
  await setImmediate();
  expect(uncaught).not.toHaveBeenCalled();
});

it('a connection that had ended before is not waited for', async () => {
  const { source, splice } = aSplice(buffer);
  source.destroy();
  await once(source, 'close');
  await expect(splice()).rejects.toThrow('the connection ended');
});
