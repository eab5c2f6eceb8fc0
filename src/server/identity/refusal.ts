import { ClawError } from '../../base/error.ts';

/** Why a token, or the pod that it names, is not believed. Stable: programs and tests rely on them. */
export const REFUSALS = {
  TokenMissing: 'no bearer token was sent',
  TokenInvalid: 'the token is no signed JWT of this cluster',
  TokenExpired: 'the token has expired',
  TokenNotYetValid: 'the token is not valid yet',
  WrongIssuer: 'the token is of another issuer',
  WrongAudience: 'the token is for another audience',
  WrongAlgorithm: 'the token is signed in a way that is not accepted',
  UnknownKey: 'the token is signed by a key that the cluster does not publish',
  WrongServiceAccount: 'the token belongs to another service account',
  NotOfAPod: 'the token names no pod',
  PodGone: 'the pod does not exist any more',
  PodReplaced: 'another pod has the name now',
  PodTerminating: 'the pod is being deleted and gets no new work',
  PodEnded: 'the pod has ended and gets no new work',
  NotOfAJob: 'the pod is controlled by no Job',
  UnknownJob: 'the Job of the pod is none of ours',
  ForeignNamespace: 'the Job of the pod belongs to another namespace',
  ForeignBatch: 'the pod does not carry the label of its batch',
  ForeignOwner: 'the pod belongs to another object than the one that it was made for',
  WrongPhase: 'the Job of the pod is of another phase than the token',
  NoWork: 'the index of the pod is no row of its Job',
  CredentialUnknown: 'the credential is unknown, or a newer claim has replaced it',
  OtherRole: 'the credential is for another part of the pod',
  NotNamed: 'the claim does not name this artifact',
} as const;
export type Refusal = keyof typeof REFUSALS;

const UNAUTHORIZED: ReadonlySet<Refusal> = new Set([
  'TokenMissing',
  'TokenInvalid',
  'TokenExpired',
  'TokenNotYetValid',
  'WrongIssuer',
  'WrongAudience',
  'WrongAlgorithm',
  'UnknownKey',
  'CredentialUnknown',
]);

/** `Unauthorized` where another token could help, else `Forbidden`; `details.reason` says which. */
export function refuse(reason: Refusal, detail = '', cause?: unknown): ClawError {
  const code = UNAUTHORIZED.has(reason) ? 'Unauthorized' : 'Forbidden';
  const message = `${reason}: ${REFUSALS[reason]}${detail === '' ? '' : ` (${detail})`}`;
  return new ClawError(code, message, {
    details: { reason },
    ...(cause !== undefined && { cause }),
  });
}
