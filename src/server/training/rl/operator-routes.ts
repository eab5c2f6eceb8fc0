import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { zPlanRlBody, zRlBatchBody } from '../../../protocol/rl-api.ts';
import { readBody } from '../../read-body.ts';
import type { RlDesk } from './rl-desk.ts';

const zUid = z.string().regex(/^[A-Za-z0-9-]{1,63}$/, 'expected the uid of an object');
const zRun = z.object({ uid: zUid });
const zPart = z.object({
  uid: zUid,
  part: z.string().regex(/^(step|eval)-[1-9][0-9]{0,6}$/, 'expected step-NUMBER or eval-NUMBER'),
});

/** What the controller of TrainingRuns asks of reinforcement, within the operator plugin's admission. */
export function rlOperatorRoutes(
  app: FastifyInstance,
  desk: Pick<RlDesk, 'plan' | 'state' | 'batchMade'>,
  { signal, bodyLimit }: { readonly signal: AbortSignal; readonly bodyLimit: number },
): void {
  app.put('/training/:uid/rl', { bodyLimit }, ({ params, body }) =>
    desk.plan(readBody(zRun, params).uid, readBody(zPlanRlBody, body), signal),
  );
  app.get('/training/:uid/rl', ({ params }) => desk.state(readBody(zRun, params).uid));
  app.put('/training/:uid/rl/batches/:part', async ({ params, body }) => {
    const { uid, part } = readBody(zPart, params);
    await desk.batchMade(uid, part, readBody(zRlBatchBody, body).uid);
    return {};
  });
}
