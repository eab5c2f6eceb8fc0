import type { WorkspaceChange } from '../../agents/agent.ts';
import type { Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import { type Content, INLINE_BYTES, type StageClaim } from '../../protocol/sandbox-api.ts';

/** Reads what a claim names by digest. */
export type ReadArtifact = (digest: Sha256) => Promise<Uint8Array>;

/** The bytes of a content, from the claim itself or from the server. */
export async function readContent(content: Content, read: ReadArtifact): Promise<Uint8Array> {
  if ('digest' in content) return await read(content.digest);
  const bytes = Buffer.from(content.inline, 'base64');
  if (bytes.byteLength <= INLINE_BYTES) return bytes;
  throw new ClawError('TooLarge', `inline content of ${bytes.byteLength} bytes in a claim`);
}

/** A claim's changes with their contents, one after the other. */
export async function* readChanges(
  changes: StageClaim['changes'],
  read: ReadArtifact,
): AsyncGenerator<WorkspaceChange> {
  for (const change of changes) {
    if (change.op !== 'write') {
      yield change;
      continue;
    }
    const { path, executable } = change;
    yield { op: 'write', path, executable, content: await readContent(change.content, read) };
  }
}
