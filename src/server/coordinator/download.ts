import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { type Dispatcher, request } from 'undici';
import { asSha256, type Sha256 } from '../../base/brand.ts';
import { ClawError, errorMessage } from '../../base/error.ts';

export interface DownloadRules {
  /** Hosts, with port where it is not 443, that task sources may come from. Empty: none. */
  readonly hosts: ReadonlySet<string>;
  readonly maxBytes: number;
  /** Tests give one that trusts their certificate. */
  readonly dispatcher?: Dispatcher | undefined;
}

const DOWNLOAD_SECONDS = 300;

/**
 * Fetches bytes of a pinned digest into a new file (design: rollouts.md 8): https only, hosts of the
 * allow-list only, no redirects, bounded. The file is gone again where anything of that does not hold.
 */
export async function download(
  address: { readonly url: string; readonly digest: Sha256 },
  file: string,
  rules: DownloadRules,
  signal: AbortSignal,
): Promise<void> {
  const digest = await digestBehind(address.url, file, rules, signal);
  if (digest === address.digest) return;
  await rm(file, { force: true });
  const url = allowed(address.url, rules);
  throw refused(url, `the bytes have the digest ${digest}, expected ${address.digest}`);
}

/** As `download`, whatever the digest: it is the answer. */
export async function digestBehind(
  address: string,
  file: string,
  rules: DownloadRules,
  signal: AbortSignal,
): Promise<Sha256> {
  const url = allowed(address, rules);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_SECONDS * 1000)]);
  try {
    await using handle = await open(file, 'wx', 0o600);
    const answer = await request(url, {
      method: 'GET',
      signal: limit,
      ...(rules.dispatcher && { dispatcher: rules.dispatcher }),
    });
    if (answer.statusCode !== 200) {
      await answer.body.dump();
      throw refused(url, `status ${answer.statusCode}, expected 200 (redirects are not followed)`);
    }
    return await save(answer.body, handle, rules.maxBytes, url);
  } catch (cause) {
    await rm(file, { force: true });
    signal.throwIfAborted();
    if (cause instanceof ClawError) throw cause;
    throw refused(url, errorMessage(cause), cause);
  }
}

async function save(
  body: AsyncIterable<unknown>,
  handle: FileHandle,
  maxBytes: number,
  url: URL,
): Promise<Sha256> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) continue;
    size += chunk.byteLength;
    if (size > maxBytes) {
      throw new ClawError('TooLarge', `${shown(url)}: more than ${maxBytes} bytes`);
    }
    hash.update(chunk);
    await handle.writeFile(chunk);
  }
  return asSha256(hash.digest('hex'));
}

function allowed(text: string, { hosts }: DownloadRules): URL {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    throw new ClawError(
      'InvalidInput',
      'spec.tasks.url: expected an https address without user and password',
    );
  }
  if (hosts.has(url.host)) return url;
  throw new ClawError(
    'InvalidInput',
    `spec.tasks.url: ${url.host} is not on this server's list of hosts (${[...hosts].join(', ') || 'it is empty'}); ask who runs the server to add it, or use a ConfigMap or a stored task set`,
  );
}

/** A query may hold a signature. */
const shown = (url: URL): string => `${url.origin}${url.pathname}`;

function refused(url: URL, why: string, cause?: unknown): ClawError {
  return new ClawError('InvalidInput', `spec.tasks.url: ${shown(url)}: ${why}`, { cause });
}
