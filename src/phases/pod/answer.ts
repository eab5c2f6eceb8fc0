import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { parseJson, type Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import { plainText } from '../../base/plain-text.ts';

/** The whole body, at most `maxBytes`. Rejects where the connection ends before it does. */
export async function wholeBody(answer: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bytesOf(answer)) {
    size += chunk.length;
    if (size > maxBytes) {
      answer.destroy();
      throw new ClawError('TooLarge', `the server's answer has more than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The body's chunks; fails at the end where they do not have the digest. */
export async function* verifiedBody(
  answer: IncomingMessage,
  digest: Sha256,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of bytesOf(answer)) {
    hash.update(chunk);
    yield chunk;
  }
  const actual = hash.digest('hex');
  if (actual === digest) return;
  const message = `artifact ${digest}: the bytes that came have the digest ${actual}`;
  throw new ClawError('CorruptArtifact', message, { retryable: true });
}

async function* bytesOf(answer: IncomingMessage): AsyncGenerator<Buffer> {
  const chunks: AsyncIterable<unknown> = answer;
  for await (const chunk of chunks) {
    if (!Buffer.isBuffer(chunk)) throw new ClawError('Internal', 'an answer gave no bytes');
    yield chunk;
  }
}

/** The answer's JSON in the shape that the protocol gives it. */
export function readAnswer<T>(what: string, body: Buffer, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(jsonOf(what, body));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ClawError(
    'UpstreamFailed',
    `${what}: the server's answer is wrong at ${issue?.path.join('.') || 'its top'}: ${issue?.message}`,
  );
}

function jsonOf(what: string, body: Buffer): unknown {
  try {
    return parseJson(body.toString('utf8'));
  } catch (cause) {
    throw new ClawError('UpstreamFailed', `${what}: the server's answer is not JSON`, { cause });
  }
}

/** An error answer as an error: overload and outages may pass, refusals stand. */
export function refusal(what: string, status: number, body: Buffer): ClawError {
  const said = plainText(body.subarray(0, 2000).toString('utf8'));
  const message = `${what}: the server answered ${status}: ${said}`;
  if (status >= 500 || status === 429 || status === 408) {
    return new ClawError('UpstreamFailed', message, { retryable: true, details: { status } });
  }
  if (status === 401 || status === 403 || status === 409) return new ClawError('Fenced', message);
  if (status === 404) return new ClawError('NotFound', message);
  if (status === 413) return new ClawError('TooLarge', message);
  return new ClawError('UpstreamFailed', message);
}
