import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ClawError, type ErrorCode, errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';

/** What every API of the server answers with where it refuses or fails. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  /** Stable word of the cause, where there is one: `TokenExpired`, `JobOver` … */
  readonly reason?: string;
}

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  InvalidInput: 400,
  InvalidManifest: 400,
  InvalidTask: 400,
  UnsupportedTask: 400,
  UnsafePath: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  Conflict: 409,
  ProtocolMismatch: 409,
  Fenced: 409,
  TooLarge: 413,
  ClusterUnavailable: 503,
  StoreUnavailable: 503,
  Cancelled: 503,
};

export function statusOf(error: ClawError): number {
  return STATUS[error.code] ?? (error.retryable ? 503 : 500);
}

export function errorBodyOf(error: ClawError): ErrorBody {
  const { code, message, retryable, details } = error;
  const { reason } = details;
  return { code, message, retryable, ...(typeof reason === 'string' && { reason }) };
}

/** For `setErrorHandler`: our errors with their code, Fastify's own refusals as they are. */
export function errorHandler(logger: Logger) {
  return async (
    thrown: FastifyError | Error,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> => {
    const error = asClawError(thrown);
    const status = statusOf(error);
    const line = {
      method: request.method,
      route: request.routeOptions.url,
      status,
      code: error.code,
    };
    if (status >= 500) logger.error({ ...line, error: error.message }, 'a request failed');
    else logger.info({ ...line, error: error.message }, 'a request was refused');
    if (reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    await reply.code(status).send(errorBodyOf(error));
  };
}

function asClawError(thrown: FastifyError | Error): ClawError {
  if (thrown instanceof ClawError) return thrown;
  const status = 'statusCode' in thrown ? (thrown.statusCode ?? 500) : 500;
  const message = errorMessage(thrown);
  if (status === 413) return new ClawError('TooLarge', message, { cause: thrown });
  if (status >= 400 && status < 500) {
    return new ClawError('InvalidInput', message, { cause: thrown });
  }
  return new ClawError('Internal', message, { cause: thrown });
}
