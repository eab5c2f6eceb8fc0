import { type Condition, findCondition } from '../../kube/objects/conditions.ts';
import type { KubeObject } from '../../kube/objects/kube-object.ts';
import { isGoing } from './life.ts';
import { placeOf } from './place.ts';

/** An object whose end a run begins with: a SynthesisJob, a TrainingRun, a RolloutBatch. */
type AwaitedObject = KubeObject & {
  readonly spec: { readonly suspend?: boolean | undefined };
  readonly status?: { readonly conditions?: readonly Condition[] | undefined } | undefined;
};

export interface Awaited {
  /**
   * `underWay`: it comes to its end by itself. `held`: not before somebody does something about it.
   * `failed`, and `going`, being deleted: it never will.
   */
  readonly stands: 'underWay' | 'held' | 'failed' | 'going';
  /** Which object, how it stands in its own words, and the command that shows more. */
  readonly message: string;
}

/**
 * Pure: how an object stands that is not complete and that a run waits for.
 *
 * @param place the field that names it, as `spec.model.trainingRun`
 */
export function awaited(place: string, object: AwaitedObject): Awaited {
  const { kind, metadata, spec, status } = object;
  const told = (stands: Awaited['stands'], words: string): Awaited => ({
    stands,
    message: `${place}: ${kind} ${keyText(metadata)} ${withoutStop(words)}; see: ${describeCommand(object)}`,
  });
  const conditions = status?.conditions;
  const failed = findCondition(conditions, 'Failed');
  if (failed?.status === 'True') return told('failed', `has failed: ${failed.message}`);
  if (isGoing(object)) return told('going', 'is being deleted');
  if (spec.suspend === true) return told('held', 'is suspended; set its spec.suspend to false');
  const stalled = findCondition(conditions, 'Stalled');
  if (stalled?.status === 'True') return told('held', `does not go on: ${stalled.message}`);
  const doing = findCondition(conditions, 'Progressing');
  if (doing === undefined) return told('underWay', 'has not begun yet');
  const words = doing.message === '' ? doing.reason : `${doing.reason}: ${doing.message}`;
  return told('underWay', `is not complete yet, ${words}`);
}

/** Pure: what to do about an object that is named and not there. */
export function absent(
  place: string,
  kind: string,
  key: { readonly namespace: string; readonly name: string },
): string {
  return `${place}: ${kind} ${keyText(key)} does not exist; create it, and see: kubectl get ${kind.toLowerCase()} --namespace ${key.namespace}`;
}

const keyText = ({
  namespace,
  name,
}: {
  readonly namespace?: string | undefined;
  readonly name: string;
}): string => `${namespace}/${name}`;

const describeCommand = (object: KubeObject): string =>
  `kubectl describe ${object.kind.toLowerCase()}/${placeOf(object)}`;

const withoutStop = (words: string): string => words.trim().replace(/[.;]+$/, '');
