import type { PolicyPodState } from '../../../../src/protocol/policy-api.ts';
import type { ConditionState } from '../../../kube/objects/conditions.ts';
import { type RunReason, runCondition } from '../vocabulary.ts';
import type { PolicyPodFact } from './policy-fact.ts';

export interface PolicyObserved {
  /** The artifact, as people name it: `sha256:` and some digits. */
  readonly model: string;
  readonly pod: PolicyPodFact | undefined;
  /** What the server says of that pod; undefined where it was not told of it yet. */
  readonly word: PolicyPodState | undefined;
  /** The words of the pods before, where they failed; another one may be made when `waitMs` is 0. */
  readonly failed: { readonly words: string; readonly waitMs: number } | undefined;
}

export interface PolicyStep {
  /** `tell` the server of the pod; then the step is taken again with its word. */
  readonly do: 'create' | 'delete' | 'tell' | 'nothing';
  /** Agents may call it. */
  readonly served: boolean;
  readonly condition: ConditionState;
}

const PASSING: ReadonlySet<string> = new Set(['Starting', 'PodFailed']);

/** True where a model that is not served will be, without that anybody does something. */
export const servesLater = ({ reason }: Pick<ConditionState, 'reason'>): boolean =>
  PASSING.has(reason);

const no = (reason: RunReason<'ModelServed'>, message: string): ConditionState =>
  runCondition('ModelServed', 'False', reason, message);

/** Pure: what is to be done next for a model that is to be served, and what people are told. */
export function planPolicy({ model, pod, word, failed }: PolicyObserved): PolicyStep {
  const step = (what: PolicyStep['do'], condition: ConditionState, served = false): PolicyStep => ({
    do: what,
    served,
    condition,
  });
  const failure = failed && no('PodFailed', `${failed.words}; another pod is made`);
  if (pod === undefined) {
    if (failed !== undefined && failed.waitMs > 0) return step('nothing', failure ?? starting());
    return step('create', failure ?? starting());
  }
  if (pod.deleting) return step('nothing', failure ?? starting());
  if (pod.ended !== undefined) return step('delete', no('PodFailed', failureOf(pod.ended.words)));
  if (pod.outdated)
    return step(
      'delete',
      no('Starting', 'the server has moved or renewed its certificates; another pod is made'),
    );
  if (word === undefined) return step('tell', starting(pod.doing));
  if (word.phase === 'refused') return step('nothing', no('CanaryFailed', word.message));
  if (word.phase === 'served') {
    const message = `model ${model} answers its canary as its record says`;
    return step('nothing', runCondition('ModelServed', 'True', 'Served', message), true);
  }
  if (word.phase === 'loading' && word.version !== undefined && word.message !== '')
    return step(
      'delete',
      no('Starting', `${word.message}; another pod is made, which starts with what is wanted`),
    );
  if (pod.held !== undefined) return step('nothing', no(pod.held.reason, pod.held.message));
  const why = word.message === '' ? '' : `: ${word.message}`;
  const doing =
    word.phase === 'proving' ? 'the answers of the policy server are checked' : pod.doing;
  return step('nothing', starting(`${doing}${why}`));
}

/** Pure: what is told of a batch that the pod of another object answers. */
export function lentPolicy(
  { phase, message }: PolicyPodState,
  model: string,
  lender: { readonly kind: string; readonly name: string } | undefined,
): { readonly served: boolean; readonly condition: ConditionState } {
  const whose = lender === undefined ? 'its owner' : `${lender.kind} ${lender.name}`;
  if (phase === 'served') {
    const words = `the policy server of ${whose} answers with model sha256:${model.slice(0, 12)}`;
    return { served: true, condition: runCondition('ModelServed', 'True', 'Served', words) };
  }
  if (phase === 'refused') return { served: false, condition: no('CanaryFailed', message) };
  const why = message === '' ? '' : `: ${message}`;
  const words = `the policy server of ${whose} gets ready${why}`;
  return { served: false, condition: starting(words) };
}

const starting = (message?: string): ConditionState =>
  runCondition('ModelServed', 'False', 'Starting', message);

/** For the condition of a pod that has ended. */
export const failureOf = (words: string): string => `the policy pod failed: ${words}`;
