import { Registry } from 'prom-client';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../operator/kube/base/clock.ts';
import { KubeError } from '../../operator/kube/base/kube-error.ts';
import { silentLogger } from '../../operator/kube/base/logger.ts';
import { createRequestMetrics } from '../../operator/kube/client/request-metrics.ts';
import type { KubeRequest } from '../../operator/kube/client/transport.ts';
import {
  createTransport,
  type TransportOptions,
} from '../../operator/kube/client/undici-transport.ts';
import { answer, HeldCredentials, type Script, ScriptedApiServer } from './scripted-api-server.ts';

/** A transport and the scripted server that it speaks to; both end with the test. */
export async function transportTo(script: Script, options: Partial<TransportOptions> = {}) {
  const server = await ScriptedApiServer.start(script);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const credentials = new HeldCredentials(server.connect);
  const registry = new Registry();
  const transport = createTransport({
    credentials,
    clock: systemClock,
    logger: silentLogger,
    userAgent: 'tests/1',
    metrics: createRequestMetrics(registry),
    ...options,
  });
  onTestFinished(() => transport[Symbol.asyncDispose]());
  return { server, credentials, transport, registry };
}

/** A list of pods. */
export function call(more: Partial<KubeRequest> = {}): KubeRequest {
  return {
    method: 'GET',
    path: '/api/v1/pods',
    verb: 'list',
    resource: 'pods',
    signal: new AbortController().signal,
    ...more,
  };
}

/** The error of a call that must fail. */
export async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const thrown = await promise.then(
    (value) => new Error(`did not fail but gave ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  if (!(thrown instanceof KubeError)) throw thrown;
  return thrown;
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += Buffer.from(chunk).toString();
  return text;
}

export const ok: Script = (_request, stream) => answer(stream, 200, { kind: 'PodList' });
