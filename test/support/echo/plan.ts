import type { NewObject } from '../../../operator/kube/client/resource-client.ts';
import { childName } from '../../../operator/kube/objects/child-names.ts';
import type { ConditionState } from '../../../operator/kube/objects/conditions.ts';
import { controllerRef } from '../../../operator/kube/objects/owner-references.ts';
import type { ConfigMap, Echo } from './kinds.ts';

/** What is to be done for one Echo, and how many of its copies are right already. */
export interface Plan {
  readonly create: readonly NewObject<ConfigMap>[];
  readonly change: readonly NewObject<ConfigMap>[];
  readonly remove: readonly ConfigMap[];
  readonly ready: number;
}

/** Pure: from what is wanted and what is observed to what is to be done. */
export function plan(echo: Echo, children: readonly ConfigMap[]): Plan {
  const present = new Map(children.map((child) => [child.metadata.name, child]));
  const wanted = Array.from({ length: echo.spec.copies }, (_, ordinal) => copy(echo, ordinal));
  const names = new Set(wanted.map((map) => map.metadata.name));
  const going = ({ metadata }: Pick<ConfigMap, 'metadata'>): boolean =>
    present.get(metadata.name)?.metadata.deletionTimestamp !== undefined;
  const there = wanted.filter((map) => present.has(map.metadata.name));
  // A copy that is being deleted is created anew when it is gone.
  const kept = there.filter((map) => !going(map));
  const right = kept.filter(
    (map) => present.get(map.metadata.name)?.data?.['text'] === echo.spec.text,
  );
  return {
    create: wanted.filter((map) => !there.includes(map)),
    change: kept.filter((map) => !right.includes(map)),
    remove: children.filter((child) => !names.has(child.metadata.name) && !going(child)),
    ready: right.length,
  };
}

/** The condition `Ready` as observed before the plan is carried out. */
export function readiness({ metadata, spec }: Echo, { ready, remove }: Plan): ConditionState {
  const done = ready === spec.copies && remove.length === 0;
  return {
    type: 'Ready',
    status: done ? 'True' : 'False',
    reason: done ? 'Echoed' : 'Echoing',
    message: `${ready} of ${spec.copies} copies`,
    observedGeneration: metadata.generation,
  };
}

function copy(echo: Echo, ordinal: number): NewObject<ConfigMap> {
  return {
    metadata: {
      name: childName(echo.metadata, ordinal),
      namespace: echo.metadata.namespace,
      labels: { app: 'echo' },
      ownerReferences: [controllerRef(echo)],
    },
    data: { text: echo.spec.text },
  };
}
