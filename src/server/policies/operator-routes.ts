import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import { zPolicyOfBatchBody, zPolicyPodBody } from '../../protocol/policy-api.ts';
import type { PolicyDesk } from './policy-desk.ts';

const zUid = z.object({
  uid: z.string().regex(/^[A-Za-z0-9-]{1,63}$/, 'expected the uid of an object'),
});

/** What the controllers say of policy pods, within the operator plugin's admission. */
export function policyOperatorRoutes(
  app: FastifyInstance,
  policies: Pick<PolicyDesk, 'expect' | 'stateFor' | 'end'>,
): void {
  app.put('/policies/:uid', async (request) => {
    const { uid } = read(zUid, request.params);
    return await policies.expect(uid, read(zPolicyPodBody, request.body));
  });
  app.put('/policies/batches/:uid', async (request) => {
    const { uid } = read(zUid, request.params);
    return policies.stateFor(uid, read(zPolicyOfBatchBody, request.body));
  });
  app.post('/policies/:uid/end', async (request) => {
    await policies.end(read(zUid, request.params).uid);
    return {};
  });
}

function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join('.') || 'body';
  throw new ClawError('InvalidInput', `${place}: ${issue?.message ?? 'unexpected form'}`);
}
