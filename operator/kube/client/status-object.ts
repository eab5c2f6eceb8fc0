import { z } from 'zod';
import { KubeError, type KubeErrorOptions } from '../base/kube-error.ts';

/** `meta/v1 Status`: how the API server says that a call failed, as body or as ERROR event. */
export const zStatus = z.looseObject({
  kind: z.literal('Status'),
  status: z.string().optional(),
  message: z.string().optional(),
  reason: z.string().optional(),
  code: z.number().optional(),
  details: z
    .looseObject({
      causes: z
        .array(
          z.looseObject({
            reason: z.string().optional(),
            message: z.string().optional(),
            field: z.string().optional(),
          }),
        )
        .nullish(),
      retryAfterSeconds: z.number().optional(),
    })
    .nullish(),
});

export type Status = z.infer<typeof zStatus>;

/** Reasons for answers without a Status, as a proxy or the server's overload filter sends them. */
const REASON_OF_HTTP_STATUS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  408: 'Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  502: 'ServiceUnavailable',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

const MAX_QUOTED_BODY = 200;

/** A failed answer as it came. */
export interface FailedAnswer {
  /** Verb and path, the head of the message. */
  readonly place: string;
  readonly httpStatus: number;
  readonly body: string;
  /** From the `Retry-After` header; the Status may name one too. */
  readonly retryAfterMs: number | undefined;
}

/** The error of a non-2xx answer: the Status in it, else what the HTTP status says. */
export function errorOfAnswer(answer: FailedAnswer): KubeError {
  const status = zStatus.safeParse(parseJson(answer.body));
  if (status.success) return errorOfStatus(status.data, answer);
  const quoted = answer.body.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_QUOTED_BODY);
  return new KubeError(
    reasonOf(answer.httpStatus),
    `${answer.place}: the server answered ${answer.httpStatus}${quoted === '' ? '' : `: ${quoted}`}`,
    errorOptions(answer.httpStatus, answer.retryAfterMs),
  );
}

/**
 * The error that a Status tells of. The HTTP status of a watch's ERROR event is the Status's own
 * `code`, so `fallback.httpStatus` only counts where it has none.
 */
export function errorOfStatus(
  status: Status,
  fallback: Pick<FailedAnswer, 'place' | 'httpStatus' | 'retryAfterMs'>,
): KubeError {
  const httpStatus = status.code ?? fallback.httpStatus;
  const seconds = status.details?.retryAfterSeconds;
  const retryAfterMs = fallback.retryAfterMs ?? (seconds ? seconds * 1000 : undefined);
  const code = status.reason ? status.reason : reasonOf(httpStatus);
  return new KubeError(code, `${fallback.place}: ${status.message ?? `answered ${httpStatus}`}`, {
    ...errorOptions(httpStatus, retryAfterMs),
    causes: status.details?.causes ?? [],
  });
}

function errorOptions(httpStatus: number, retryAfterMs: number | undefined): KubeErrorOptions {
  return {
    httpStatus,
    retryable: isRetryable(httpStatus),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** 401 too: credentials rotate. A conflict or an expired version needs a new read first. */
function isRetryable(httpStatus: number): boolean {
  return [401, 408, 429].includes(httpStatus) || (httpStatus >= 500 && httpStatus !== 501);
}

function reasonOf(httpStatus: number): string {
  const known = REASON_OF_HTTP_STATUS[httpStatus];
  if (known !== undefined) return known;
  if (httpStatus >= 500) return 'InternalError';
  return httpStatus >= 400 ? 'BadRequest' : 'InvalidAnswer';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
