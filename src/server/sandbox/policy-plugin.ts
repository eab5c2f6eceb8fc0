import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import { zSha256 } from '../../protocol/fields.ts';
import {
  POLICY_ROUTES,
  type PolicyFiles,
  type PolicyWanted,
  zPolicyReport,
} from '../../protocol/policy-api.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { type PolicyProofDeps, provePolicyPod } from '../identity/prove-policy-pod.ts';
import { refuse } from '../identity/refusal.ts';
import type { PolicyDesk, PolicyPod } from '../policies/policy-desk.ts';

export interface PolicyPluginOptions extends Omit<PolicyProofDeps, 'policies'> {
  readonly policies: Pick<PolicyDesk, 'expected' | 'files' | 'mayRead' | 'report'>;
  readonly artifacts: Pick<ArtifactStore, 'size' | 'stream'>;
  /** Told of each request whose token was found to be good. */
  readonly proven: (request: FastifyRequest) => void;
}

const zDigest = z.object({ digest: zSha256 });

/**
 * The routes of pods that serve models of ours (design: cluster.md 11), within the sandbox plugin's
 * parsers and error handler.
 */
export function policyRoutes(app: FastifyInstance, options: PolicyPluginOptions): void {
  const { policies, artifacts } = options;
  app.get(POLICY_ROUTES.files, async (request, reply): Promise<PolicyFiles | FastifyReply> => {
    const pod = await provenPod(request, reply, options);
    return pod === undefined ? reply : await policies.files(pod.podUid);
  });
  app.get(POLICY_ROUTES.file, async (request, reply): Promise<FastifyReply> => {
    const { digest } = read(zDigest, request.params);
    const pod = await provenPod(request, reply, options);
    if (pod === undefined) return reply;
    if (!(await policies.mayRead(pod.podUid, digest))) throw refuse('NotNamed', digest);
    const size = await artifacts.size(digest);
    if (size === undefined) throw new ClawError('NotFound', `no artifact ${digest} in this store`);
    return await reply
      .type('application/octet-stream')
      .header('content-length', size)
      .send(await artifacts.stream(digest));
  });
  app.post(POLICY_ROUTES.report, async (request, reply): Promise<PolicyWanted | FastifyReply> => {
    const pod = await provenPod(request, reply, options);
    if (pod === undefined) return reply;
    return await policies.report(pod, read(zPolicyReport, request.body));
  });
}

/** Undefined where the pod may only wait; the answer that says so has been sent. */
async function provenPod(
  request: FastifyRequest,
  reply: FastifyReply,
  options: PolicyPluginOptions,
): Promise<PolicyPod | undefined> {
  const proof = await provePolicyPod(request.headers.authorization, options);
  if ('decision' in proof) {
    await reply.code(409).send(proof);
    return undefined;
  }
  options.proven(request);
  return proof;
}

function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join('.') || 'body';
  throw new ClawError('InvalidInput', `${place}: ${issue?.message ?? 'unexpected form'}`);
}
