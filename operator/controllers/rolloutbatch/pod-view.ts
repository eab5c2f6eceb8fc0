import { evidenceOfPod, zPodForEvidence } from '../../../src/protocol/evidence-of-pod.ts';
import type { PodEvidence } from '../../../src/protocol/pod-evidence.ts';
import type { BatchSpec } from '../shared/kinds.ts';
import type { Job } from '../shared/kube-kinds.ts';
import type { SandboxPod } from '../shared/pods.ts';
import { deletedByUs, podFact } from './facts.ts';
import type { PodFact } from './observed.ts';

/** The pods of a batch, as decisions see them and as the server is told of them. */
export interface PodView {
  readonly facts: readonly PodFact[];
  /** Last words on pods that are over, which the server has not heard. */
  readonly untold: readonly PodEvidence[];
}

export interface PodSources {
  readonly present: readonly SandboxPod[];
  readonly gone: readonly SandboxPod[];
  readonly isTold: (podUid: string) => boolean;
  /** As last seen, also where it is gone. */
  readonly jobOf: (jobUid: string) => Job | undefined;
  readonly startDeadlineSeconds: BatchSpec['startDeadlineSeconds'];
  readonly now: number;
}

/** Pure, but for what it remembers of objects that never change. */
export function podView(sources: PodSources): PodView {
  const facts: PodFact[] = [];
  const untold: PodEvidence[] = [];
  const add = (pod: SandboxPod, gone: boolean): void => {
    const bare = gone ? evidence(pod, true) : evidenceOnce(pod);
    if (bare === undefined) return;
    const { now, startDeadlineSeconds } = sources;
    const reported = sources.isTold(bare.podUid);
    const fact = podFact(bare, pod, { now, startDeadlineSeconds, reported });
    facts.push(fact);
    if (!fact.over || reported) return;
    const cause = deletedByUs(bare, pod, sources.jobOf(bare.jobUid), startDeadlineSeconds);
    untold.push(cause === undefined ? bare : { ...bare, deletedByUs: cause });
  };
  for (const pod of sources.present) add(pod, false);
  for (const pod of sources.gone) add(pod, true);
  return { facts, untold };
}

/** Objects of a cache are frozen, and most of them are the same at the next look. */
const known = new WeakMap<SandboxPod, { readonly evidence: PodEvidence | undefined }>();

function evidenceOnce(pod: SandboxPod): PodEvidence | undefined {
  const remembered = known.get(pod);
  if (remembered !== undefined) return remembered.evidence;
  const found = evidence(pod, false);
  known.set(pod, { evidence: found });
  return found;
}

function evidence(pod: SandboxPod, gone: boolean): PodEvidence | undefined {
  const parsed = zPodForEvidence.safeParse({ ...pod, spec: pod.spec ?? {} });
  return parsed.success ? evidenceOfPod(parsed.data, { gone }) : undefined;
}
