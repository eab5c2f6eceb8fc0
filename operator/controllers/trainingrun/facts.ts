import {
  FETCH_CONTAINER,
  TRAINER_CONTAINER,
} from '../../../src/engines/kubernetes/trainer-containers.ts';
import { evidenceOfPod, zPodForEvidence } from '../../../src/protocol/evidence-of-pod.ts';
import { isOver } from '../../../src/rollouts/pod-facts.ts';
import { jobFact, podFact } from '../rolloutbatch/facts.ts';
import type { Job } from '../shared/kube-kinds.ts';
import type { SandboxPod } from '../shared/pods.ts';
import type { TrainerJobFact, TrainerPodFact } from './observed.ts';

export function trainerJobFact(job: Job): TrainerJobFact {
  const { name, uid, finished, suspended, deleting } = jobFact(job);
  return { name, uid, finished, suspended, deleting };
}

/** Undefined for a pod that belongs to no Job. */
export function trainerPodFact(pod: SandboxPod, now: number): TrainerPodFact | undefined {
  const parsed = zPodForEvidence.safeParse({ ...pod, spec: pod.spec ?? {} });
  const evidence = parsed.success ? evidenceOfPod(parsed.data, { gone: false }) : undefined;
  if (evidence === undefined) return undefined;
  const never = { now, startDeadlineSeconds: Number.MAX_SAFE_INTEGER, reported: false };
  const { unschedulable, imageProblem, stuck } = podFact(evidence, pod, never);
  const trainer = evidence.containers.find(({ name }) => name === TRAINER_CONTAINER);
  return {
    name: evidence.podName,
    jobUid: evidence.jobUid,
    over: isOver(evidence, now),
    stuck,
    exit: exitOf(pod, TRAINER_CONTAINER) ?? failedExit(pod, FETCH_CONTAINER),
    disruption: evidence.disruption ?? kubeletWords(evidence),
    unschedulable,
    imageProblem,
    training: trainer?.state === 'running',
  };
}

/** The kubelet ended the whole pod: for a lack of something on the node, or its own use of disk. */
function kubeletWords({
  phase,
  reason,
  message,
}: {
  readonly phase: string;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}): string | undefined {
  if (phase !== 'Failed' || reason === undefined) return undefined;
  return message === undefined ? reason : `${reason}: ${message}`;
}

const WORDS = 600;

function exitOf({ status }: SandboxPod, container: string): TrainerPodFact['exit'] {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const end = all.find(({ name }) => name === container)?.state?.terminated;
  if (end === null || end === undefined) return undefined;
  const { exitCode: code, reason, message } = end;
  // `Error` and `Completed` say no more than the code.
  const why = reason === 'OOMKilled' ? `, ${reason}: more memory than its limit` : '';
  const said = message === undefined ? '' : `: ${message.trim().slice(-WORDS)}`;
  return { container, code, words: code === 0 ? '' : `${why}${said}` };
}

function failedExit(pod: SandboxPod, container: string): TrainerPodFact['exit'] {
  const exit = exitOf(pod, container);
  return exit?.code === 0 ? undefined : exit;
}
