import type { z } from 'zod';
import { plainText } from '../../../../src/base/plain-text.ts';
import { POLICY_CONTAINER, POLICY_FETCH } from '../../../../src/engines/kubernetes/policy-pod.ts';
import { markHolds, SERVER_MARK } from '../../../../src/engines/kubernetes/settings.ts';
import { EXIT } from '../../../../src/protocol/pod-contract.ts';
import { type ContainerStatus, zPodStatus } from '../../../../src/protocol/pod-object.ts';
import { zKubeObject } from '../../../kube/objects/kube-object.ts';
import { defineResource } from '../../../kube/objects/resource.ts';
import type { RunReason } from '../vocabulary.ts';

const zPolicyPod = zKubeObject.extend({ status: zPodStatus.optional() });
export type PolicyPodObject = z.infer<typeof zPolicyPod>;

/** Read one by one, with what controllers else drop of pods. */
export const policyPods = defineResource({
  ...{ group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true },
  schema: zPolicyPod,
});

/** A policy pod as decisions see it. */
export interface PolicyPodFact {
  readonly uid: string;
  readonly deleting: boolean;
  /** Address or authority of the server is not that which the pod was given. */
  readonly outdated: boolean;
  /** Present where it has ended; `waits`: another one is due without a pause. */
  readonly ended: { readonly words: string; readonly waits: boolean } | undefined;
  /** Why it does not run yet, where that may need somebody. */
  readonly held:
    | { readonly reason: RunReason<'ModelServed'>; readonly message: string }
    | undefined;
  /** What it does, for people. */
  readonly doing: string;
}

const IMAGE_WORDS =
  /^(ErrImage|ImagePull|InvalidImageName|RegistryUnavailable|SignatureValidation|CreateContainer)/;
const SHOWN = 1000;

/** @param mark `serverMark` of the server as it is now. */
export function policyPodFact(pod: PolicyPodObject, mark: string): PolicyPodFact {
  const { metadata, status = {} } = pod;
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return {
    uid: metadata.uid ?? '',
    deleting: metadata.deletionTimestamp !== undefined,
    outdated: !markHolds(metadata.annotations?.[SERVER_MARK], mark),
    ended: endOf(status, containers),
    held: heldBy(status, containers),
    doing: doing(containers),
  };
}

function endOf(
  { phase, reason, message }: NonNullable<PolicyPodObject['status']>,
  containers: readonly ContainerStatus[],
): PolicyPodFact['ended'] {
  if (phase !== 'Failed' && phase !== 'Succeeded') return undefined;
  const named = [POLICY_CONTAINER, POLICY_FETCH];
  const ends = named.flatMap((name) => {
    const end = containers.find((each) => each.name === name)?.state?.terminated;
    return end && end.exitCode !== 0 ? [{ name, ...end }] : [];
  });
  const [first] = ends;
  const waits = first?.name === POLICY_FETCH && first.exitCode === EXIT.wait;
  const words = [
    ...[reason, message],
    first && `${first.name} ended with ${first.exitCode}`,
    first?.reason === 'Error' ? undefined : first?.reason,
    first?.message,
  ];
  const text = plainText(words.filter(Boolean).join(': '), SHOWN);
  return { words: text === '' ? 'it ended without a word' : text, waits };
}

function heldBy(
  { conditions }: NonNullable<PolicyPodObject['status']>,
  containers: readonly ContainerStatus[],
): PolicyPodFact['held'] {
  const unplaced = conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'False',
  );
  if (unplaced !== undefined) {
    const message = plainText(unplaced.message ?? 'the scheduler gives no reason', SHOWN);
    return { reason: 'Unschedulable', message: `the policy pod finds no node: ${message}` };
  }
  for (const { name, state } of containers) {
    const { reason = '', message = '' } = state?.waiting ?? {};
    if (!IMAGE_WORDS.test(reason)) continue;
    const words = plainText([reason, message].filter(Boolean).join(': '), SHOWN);
    return { reason: 'ImagePullFailing', message: `container ${name} of the policy pod: ${words}` };
  }
  return undefined;
}

function doing(containers: readonly ContainerStatus[]): string {
  const at = (name: string) => containers.find((each) => each.name === name)?.state;
  if (at(POLICY_CONTAINER)?.running != null) return 'the policy server reads the model';
  if (at(POLICY_FETCH)?.running != null) return 'the policy pod fetches the model';
  return 'the policy pod starts';
}
