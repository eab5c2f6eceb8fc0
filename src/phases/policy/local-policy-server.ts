import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { isRecord, parseJson } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { LocalPolicyServer } from './serve-policy.ts';

const ASK_MS = 5000;
/** Weights are read from the pod's disk. */
const LOAD_MS = 600_000;

/** The policy server of this pod, over loopback. */
export function localPolicyServer(port: number, key: string): LocalPolicyServer {
  return {
    version: async (signal) => {
      const answer = await ask({ port, key, path: '/v1/models', ms: ASK_MS }, signal).catch(
        () => undefined,
      );
      signal.throwIfAborted();
      return answer?.status === 200 ? versionIn(answer.body) : undefined;
    },
    load: async (path, version, signal) => {
      const body = JSON.stringify({ path, version });
      const place = { port, key, path: '/v1/load_policy', ms: LOAD_MS };
      const { status, body: said } = await ask({ ...place, body }, signal);
      if (status === 200) return;
      throw new ClawError(
        'UpstreamFailed',
        `the policy server did not take version ${version}: status ${status}: ${said.slice(0, 500)}`,
      );
    },
  };
}

function versionIn(body: string): number | 'unsaid' | undefined {
  try {
    const value = parseJson(body);
    const models: unknown = isRecord(value) ? value['data'] : undefined;
    const first: unknown = Array.isArray(models) ? models[0] : undefined;
    if (!isRecord(first)) return undefined;
    const version = first['policy_version'];
    return typeof version === 'number' ? version : 'unsaid';
  } catch {
    return undefined;
  }
}

interface Ask {
  readonly port: number;
  readonly key: string;
  readonly path: string;
  readonly ms: number;
  readonly body?: string;
}

async function ask(
  { port, key, path, ms, body }: Ask,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const method = body === undefined ? 'GET' : 'POST';
  const place = { host: '127.0.0.1', port, path, method, headers, signal: bounded };
  const sent = request(place, (answer) => {
    text(answer).then((said) => resolve({ status: answer.statusCode ?? 0, body: said }), reject);
  });
  sent.on('error', reject);
  sent.end(body);
  return await promise;
}
