/** An error in the shape that OpenAI clients read. */
export interface OpenAiError {
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  readonly type: string;
  readonly message: string;
}

const encoder = new TextEncoder();

export function openAiError(status: number, code: string, message: string): OpenAiError {
  return { status, code, message, type: status < 500 ? 'invalid_request_error' : 'server_error' };
}

/** `{"error": {message, type, param, code}}` as bytes. */
export function errorBody(error: OpenAiError): Uint8Array {
  return encoder.encode(JSON.stringify({ error: errorObject(error) }));
}

/**
 * The same as an SSE frame, for a stream that has begun. The leading blank line ends a frame that
 * was cut off, so that this one is read on its own.
 */
export function errorFrame(error: OpenAiError): Uint8Array {
  return encoder.encode(`\n\ndata: ${JSON.stringify({ error: errorObject(error) })}\n\n`);
}

function errorObject(error: OpenAiError): object {
  return { message: error.message, type: error.type, param: null, code: error.code };
}
