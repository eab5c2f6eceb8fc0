import { z } from 'zod';
import { plainText } from '../../base/plain-text.ts';
import { PREFLIGHT_CONTAINER, TARGET } from './preflight-pod.ts';

const zAnswer = z.object({
  gateway: z.boolean(),
  /** Names of targets that answered at the first try, and those that still did at the last. */
  first: z.array(z.string()),
  reached: z.array(z.string()),
  /** How many threads a pod may have; null: the limit is higher than what was tried, or none. */
  threads: z.number().int().nullable(),
});

/** The part of the pod that is read. */
export const zPreflightPod = z.looseObject({
  status: z
    .looseObject({
      phase: z.string().optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      containerStatuses: z
        .array(
          z.looseObject({
            name: z.string(),
            state: z
              .looseObject({
                terminated: z
                  .looseObject({
                    exitCode: z.number(),
                    reason: z.string().optional(),
                    message: z.string().optional(),
                  })
                  .optional(),
              })
              .default({}),
          }),
        )
        .default([]),
    })
    .prefault({}),
});

/** The condition NetworkIsolated. */
export interface PreflightFinding {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason:
    | 'Probed'
    | 'Reachable'
    | 'OwnNodeReachable'
    | 'GatewayUnreachable'
    | 'ProbeFailed';
  readonly message: string;
  /** About what the kubelet enforces; undefined where no limit was met. */
  readonly podPidsLimit?: number;
}

/** Runs wait for no probe, so nothing is held up. */
const PROBE_AGAIN =
  'put that right; runs go on without it, and the next one after an hour probes again, or the first after kubectl rollout restart deployment --namespace NAMESPACE --selector app.kubernetes.io/component=operator';

/** What the preflight pod found; undefined while it has not ended. */
export function preflightFinding(pod: z.infer<typeof zPreflightPod>): PreflightFinding | undefined {
  const { phase, containerStatuses } = pod.status;
  if (phase !== 'Succeeded' && phase !== 'Failed') return undefined;
  const end = containerStatuses.find(({ name }) => name === PREFLIGHT_CONTAINER)?.state.terminated;
  const answer = parseAnswer(end?.message);
  if (answer === undefined) {
    const said = plainText(
      [end?.reason, end?.message, pod.status.reason, pod.status.message].filter(Boolean).join(': '),
    );
    return {
      status: 'Unknown',
      reason: 'ProbeFailed',
      message: `the network probe ended without an answer (exit code ${end?.exitCode ?? 'none'}): ${said}; ${PROBE_AGAIN}`,
    };
  }
  return { ...judge(answer), ...(answer.threads === null ? {} : { podPidsLimit: answer.threads }) };
}

function judge(answer: z.infer<typeof zAnswer>): PreflightFinding {
  const { gateway, first, reached } = answer;
  const late = first.filter((name) => !reached.includes(name));
  const more = `${late.length === 0 ? '' : `; just after their start they also reach ${list(late)}`}; ${processes(answer)}`;
  if (reached.length > 0) {
    const onlyNode = reached.every((name) => name === TARGET.ownNode);
    return {
      status: 'False',
      reason: onlyNode ? 'OwnNodeReachable' : 'Reachable',
      message: `sandbox pods reach ${list(reached)}: check that the cluster's network plugin enforces NetworkPolicy${more}`,
    };
  }
  if (!gateway) {
    return {
      status: 'Unknown',
      reason: 'GatewayUnreachable',
      message: `sandbox pods do not reach the server either, so nothing is proven: check its Service and the NetworkPolicies of its namespace; ${processes(answer)}`,
    };
  }
  return {
    status: 'True',
    reason: 'Probed',
    message: `sandbox pods reach the server and nothing else that was tried${more}`,
  };
}

function processes({ threads }: z.infer<typeof zAnswer>): string {
  return threads === null
    ? "no limit on a pod's processes was met: set podPidsLimit of the kubelets"
    : `a pod may have about ${threads} processes`;
}

function list(names: readonly string[]): string {
  return plainText(names.join(', '));
}

function parseAnswer(message: string | undefined): z.infer<typeof zAnswer> | undefined {
  try {
    return zAnswer.safeParse(JSON.parse(message ?? '')).data;
  } catch {
    return undefined;
  }
}
