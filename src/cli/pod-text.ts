import { plainText } from '../base/plain-text.ts';
import type { PodEvidence } from '../protocol/pod-evidence.ts';
import type { AttemptPod } from '../store/records.ts';

type Container = PodEvidence['containers'][number];

/** Longest word of a pod that is shown; kubelet's message may be longer. */
const WORD_LENGTH = 200;
const MESSAGE_LENGTH = 1024;

/** Why the operator had the pod deleted, for people. */
const DELETED_BY_US: Readonly<Record<NonNullable<PodEvidence['deletedByUs']>, string>> = {
  paused: 'the run was paused',
  parallelism: 'parallelism was lowered',
  deadline: 'the run was at its activeDeadlineSeconds',
  startDeadline: 'its program had not started within startDeadlineSeconds',
  replaced: 'its Job was over',
  deleted: 'the run was deleted',
};

/**
 * What is kept of a pod, a line each: where it was and how it ended, why, and its containers. Whatever
 * a pod says is one printable piece of a line, for who may make pods may make it say anything.
 */
export function podLines({ work, evidence }: AttemptPod): string[] {
  return [
    `${work}  ${word(evidence.podName)}  ${stateOf(evidence)}`,
    ...reasons(evidence).map((line) => `  ${line}`),
    ...evidence.containers.map((container) => `  ${containerLine(container)}`),
  ];
}

/** A pod whose end was never seen is told as it was seen last. */
function stateOf({ phase, gone, nodeName }: PodEvidence): string {
  const ended = phase === 'Succeeded' || phase === 'Failed';
  const place = nodeName === undefined ? 'on no node' : `on ${word(nodeName)}`;
  const seen = ended ? phase : `${gone ? 'gone, ' : ''}last seen ${phase}`;
  return `${seen} ${place}`;
}

function reasons(evidence: PodEvidence): string[] {
  const { reason, message, disruption, scheduledAt } = evidence;
  const said = [
    ...(reason === undefined ? [] : [word(reason)]),
    ...(message === undefined ? [] : [plainText(message, MESSAGE_LENGTH)]),
  ];
  return [
    ...(said.length === 0 ? [] : [said.join(': ')]),
    ...(disruption === undefined ? [] : [`disruption: ${word(disruption)}`]),
    ...deletion(evidence),
    ...(scheduledAt === undefined ? [] : [`scheduled ${word(scheduledAt)}`]),
  ];
}

function deletion(evidence: PodEvidence): string[] {
  const { deletedAt, deletedByUs } = evidence;
  if (endedWell(evidence) || (deletedAt ?? deletedByUs) === undefined) return [];
  const when = deletedAt === undefined ? '' : ` ${word(deletedAt)}`;
  const why = deletedByUs === undefined ? '' : ` by the operator: ${DELETED_BY_US[deletedByUs]}`;
  return [`deleted${when}${why}`];
}

/** Its work was done; that it was cleared away then is no reason for anything. */
function endedWell({ phase, disruption, containers }: PodEvidence): boolean {
  if (phase !== 'Succeeded' || disruption !== undefined) return false;
  return containers.every(({ terminated }) => terminated?.exitCode === 0);
}

function containerLine({ name, state, waitingReason, terminated }: Container): string {
  const now =
    state === 'waiting' ? `waiting${waitingReason ? `, ${word(waitingReason)}` : ''}` : state;
  if (terminated === undefined) return `${word(name)}  ${now}`;
  // A container that is started again shows its last end.
  return `${word(name)}  ${state === 'terminated' ? '' : `${now}; before: `}${endOf(terminated)}`;
}

function endOf(end: NonNullable<Container['terminated']>): string {
  const { exitCode, signal, reason, startedAt, finishedAt } = end;
  return [
    `exit ${exitCode}`,
    ...(signal === undefined ? [] : [`signal ${signal}`]),
    ...(reason === undefined ? [] : [word(reason)]),
    startedAt === undefined ? 'never ran' : word(startedAt),
  ]
    .join(', ')
    .concat(startedAt === undefined || finishedAt === undefined ? '' : ` to ${word(finishedAt)}`);
}

const word = (text: string): string => plainText(text, WORD_LENGTH);
