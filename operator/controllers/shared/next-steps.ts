import type { KubeError } from '../../kube/base/kube-error.ts';

/** Writes the objects of the release again, with the values that it has. */
const UPGRADE = 'helm upgrade RELEASE charts/clawgym --reset-then-reuse-values';

/** What a person can do about a store that fills. */
export const MORE_ROOM = `make its volume larger, or keep records for fewer days (${UPGRADE} --set server.retentionDays=DAYS)`;

export const STORE_FULL = `the store of the server is at least 95 % full, so nothing new starts: ${MORE_ROOM}`;

/**
 * What a refusal means and what to do about it: the first that its words fit. The API server has one code
 * for a right that is missing, a quota and the policy of somebody else.
 */
const STEPS: readonly (readonly [RegExp, string])[] = [
  // Kubernetes: apiserver/pkg/endpoints/handlers/responsewriters/errors.go.
  [
    /\bcannot \w+ resource\b/,
    `give the operator its rights back: ${UPGRADE}; a namespace that is served has to be in the chart's value namespaces`,
  ],
  [/exceeded quota|must specify/, 'raise that ResourceQuota, or end other runs of the namespace'],
  [
    /being terminated|^namespaces "[^"]*" not found/,
    'create the run again in a namespace that stays',
  ],
];
const ANY_OTHER =
  'put right what the API server names, in the cluster or in a new run; it is tried again by itself';

/** The API server's own words where time alone changes nothing, and the next step. */
export function refusalWords({ code, message }: Pick<KubeError, 'code' | 'message'>): string {
  // Its words name the two objects and what to do already.
  if (code === 'NotOwned') return message;
  const [, step] = STEPS.find(([words]) => words.test(message)) ?? [undefined, ANY_OTHER];
  return `${message.replace(/[.\s]+$/, '')}; ${step}`;
}
