import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sha256 } from '../../base/brand.ts';
import { errorMessage } from '../../base/error.ts';
import { digestBehind } from './download.ts';
import type { SourceDeps } from './resolve-source.ts';

/** What stands behind an address now: the digest of its bytes, or why there are none. */
export type UrlNow = { readonly digest: Sha256 } | { readonly gone: string };

/** Who asks more often gets no other download. */
export const URL_PAUSE_MS = 10 * 60_000;

/**
 * Looks what the address of a task source gives now (design: rollouts.md 8). The bytes are hashed and
 * thrown away: others than the pinned ones are never read as tasks. Throws only where `signal` fires.
 */
export async function urlNow(
  url: string,
  { scratch, newName, download }: Pick<SourceDeps, 'scratch' | 'newName' | 'download'>,
  signal: AbortSignal,
): Promise<UrlNow> {
  const folder = join(scratch, newName());
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    return { digest: await digestBehind(url, join(folder, 'bytes'), download, signal) };
  } catch (thrown) {
    signal.throwIfAborted();
    return { gone: errorMessage(thrown) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
