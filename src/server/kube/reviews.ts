import { z } from 'zod';
import type { Transport } from '../../../operator/kube/client/transport.ts';
import { GROUP } from '../../api/group.ts';
import { AUDIENCES } from '../../protocol/pod-contract.ts';
import type { Person, ReviewSource } from '../identity/access-reviews.ts';
import { clusterError } from './cluster-error.ts';

const TIMEOUT_MS = 10_000;

const zTokenReview = z.object({
  status: z.object({
    authenticated: z.boolean().default(false),
    audiences: z.array(z.string()).optional(),
    user: z
      .object({
        username: z.string().default(''),
        uid: z.string().default(''),
        groups: z.array(z.string()).default([]),
        extra: z.record(z.string(), z.array(z.string())).default({}),
      })
      .optional(),
  }),
});
const zAccessReview = z.object({ status: z.object({ allowed: z.boolean() }) });

/**
 * TokenReview and SubjectAccessReview: both are made cluster-wide, so only an installation of the whole
 * cluster may (design: rollouts.md 10).
 *
 * @param signal ends calls when the server ends
 */
export function reviewSource(transport: Transport, signal: AbortSignal): ReviewSource {
  const review = async <T>(group: string, plural: string, spec: object, answer: z.ZodType<T>) => {
    const kind = plural === 'tokenreviews' ? 'TokenReview' : 'SubjectAccessReview';
    try {
      const said = await transport.request({
        method: 'POST',
        verb: 'create',
        path: `/apis/${group}/v1/${plural}`,
        resource: plural,
        body: { apiVersion: `${group}/v1`, kind, spec },
        signal,
        timeoutMs: TIMEOUT_MS,
      });
      return answer.parse(said);
    } catch (thrown) {
      throw clusterError(`the API server was not asked (${kind})`, thrown);
    }
  };
  const whois = async (token: string, audiences: readonly string[] | undefined) => {
    const spec = { token, ...(audiences && { audiences }) };
    const said = await review('authentication.k8s.io', 'tokenreviews', spec, zTokenReview);
    const { authenticated, user, audiences: held } = said.status;
    // An authenticator that knows no audiences names none: then it proves nothing about ours.
    if (audiences !== undefined && held?.some((one) => audiences.includes(one)) !== true) return;
    return authenticated && user !== undefined && user.username !== '' ? user : undefined;
  };
  return {
    whois: async (token) =>
      (await whois(token, [AUDIENCES.query])) ?? (await whois(token, undefined)),
    mayRead: async ({ username, uid, groups, extra }: Person, namespace) => {
      const resource = { group: GROUP, resource: 'rolloutbatches', verb: 'get', namespace };
      const spec = { user: username, uid, groups, extra, resourceAttributes: resource };
      const plural = 'subjectaccessreviews';
      return (await review('authorization.k8s.io', plural, spec, zAccessReview)).status.allowed;
    },
  };
}
