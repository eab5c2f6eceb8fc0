import { EXIT } from '../../protocol/pod-contract.ts';
import type { PodFailureRule } from './kube-types.ts';

/**
 * What a pod's end means for its Job, first match holds (design: rollouts.md 4): a disruption costs no
 * retry, the first container says "ask later" or "decided", and the end of the untrusted container
 * is a result. All else is retried.
 */
export function failureRules(
  first: 'stage' | 'fetch',
  untrusted: 'agent' | 'grade',
): PodFailureRule[] {
  return [
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    onExit('Ignore', first, 'In', EXIT.wait),
    onExit('FailIndex', first, 'In', EXIT.decided),
    onExit('FailIndex', untrusted, 'NotIn', 0),
  ];
}

function onExit(
  action: 'Ignore' | 'FailIndex',
  containerName: string,
  operator: 'In' | 'NotIn',
  code: number,
): PodFailureRule {
  return { action, onExitCodes: { containerName, operator, values: [code] } };
}
