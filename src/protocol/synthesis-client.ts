import { z } from 'zod';
import { ClawError } from '../base/error.ts';
import { type SynthesisServer, zSynthesisState } from './synthesis-server.ts';

/** One call of the operator API; `path` is below its prefix. */
export type SendCall = <T>(
  method: 'GET' | 'PUT' | 'POST',
  path: string,
  schema: z.ZodType<T>,
  call: { readonly signal: AbortSignal },
  body?: unknown,
) => Promise<T>;

const zNothing = z.unknown();

/** The part of the operator API that is about SynthesisJobs. */
export function synthesisClient(send: SendCall): SynthesisServer {
  const place = (uid: string, ...more: readonly (string | number)[]): string =>
    ['synthesis', uid, ...more].map((part) => `/${encodeURIComponent(part)}`).join('');
  return {
    plan: (uid, body, call) => send('PUT', place(uid), zSynthesisState, call, body),
    state: async (uid, call) => {
      try {
        return await send('GET', place(uid), zSynthesisState, call);
      } catch (thrown) {
        if (thrown instanceof ClawError && thrown.code === 'NotFound') return undefined;
        throw thrown;
      }
    },
    steer: async (uid, steering, call) => {
      await send('PUT', place(uid, 'steering'), zNothing, call, steering);
    },
    workerCreated: async (uid, jobUid, call) => {
      await send('PUT', place(uid, 'worker'), zNothing, call, { jobUid });
    },
    gateBatchCreated: async (uid, round, batchUid, call) => {
      await send('PUT', place(uid, 'rounds', round), zNothing, call, { batchUid });
    },
    cancel: async (uid, reason, call) => {
      await send('POST', place(uid, 'cancel'), zNothing, call, { reason });
    },
  };
}
