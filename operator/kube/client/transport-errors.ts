import { KubeError } from '../base/kube-error.ts';

/** The error of a call that got no answer. Names and addresses only, never a header. */
export function connectionError(place: string, thrown: unknown): KubeError {
  if (thrown instanceof KubeError) return thrown;
  const code = codeOf(thrown);
  if (code === 'UND_ERR_INVALID_ARG')
    return new KubeError(
      'InvalidConfig',
      `${place}: the request cannot be sent: path or credentials hold a character that HTTP does not take`,
    );
  const problem = [code, thrown instanceof Error ? thrown.message : String(thrown)]
    .filter((part) => part !== undefined && part !== '')
    .join(': ');
  return new KubeError('ConnectionFailed', `${place}: ${problem}`, {
    cause: thrown,
    retryable: true,
  });
}

/** The first code of the error or of its causes: an AggregateError of addresses has no message. */
function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  if ('code' in thrown && typeof thrown.code === 'string') return thrown.code;
  return 'cause' in thrown ? codeOf(thrown.cause) : undefined;
}
