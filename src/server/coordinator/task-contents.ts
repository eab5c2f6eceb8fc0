import { AGENT_DIR, type ProcessPlan, type WorkspaceChange } from '../../agents/agent.ts';
import type { Sha256 } from '../../base/brand.ts';
import { sha256 } from '../../base/digest.ts';
import { type Content, INLINE_BYTES, type StageClaim } from '../../protocol/sandbox-api.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { TaskFile } from '../../tasks/task.ts';
import type { BlobSource } from '../../tasks/task-set.ts';

/** Bytes of small files that one claim carries itself; the rest is asked for by digest. */
const INLINE_TOTAL = 256 * 1024;

/**
 * Task files and made-up contents as claims carry them. What is asked for by digest is stored as an
 * artifact first; the task set holds it too, but sandboxes read artifacts only.
 */
export class TaskContents {
  readonly #artifacts: Pick<ArtifactStore, 'put' | 'keep'>;

  constructor(artifacts: Pick<ArtifactStore, 'put' | 'keep'>) {
    this.#artifacts = artifacts;
  }

  async files(files: readonly TaskFile[], blobs: BlobSource): Promise<StageClaim['inputs']> {
    let left = INLINE_TOTAL;
    const contents: StageClaim['inputs'] = [];
    for (const { path, digest, size, executable } of files) {
      const inline = size <= Math.min(INLINE_BYTES, left);
      if (inline) left -= size;
      const content = inline
        ? inlined(await blobs.read(digest))
        : { digest: await this.#byDigest(digest, blobs) };
      contents.push({ path, content, executable });
    }
    return contents;
  }

  /** Stores the files and returns their digests, each once. */
  async digests(files: readonly TaskFile[], blobs: BlobSource): Promise<readonly Sha256[]> {
    const distinct = new Set(files.map(({ digest }) => digest));
    for (const digest of distinct) await this.#byDigest(digest, blobs);
    return [...distinct];
  }

  async changes(changes: readonly WorkspaceChange[]): Promise<StageClaim['changes']> {
    const room = { left: INLINE_TOTAL };
    const all: StageClaim['changes'] = [];
    for (const change of changes) {
      if (change.op !== 'write') {
        all.push({ ...change });
        continue;
      }
      const { op, path, content, executable = false } = change;
      all.push({ op, path, content: await this.#content(content, room), executable });
    }
    return all;
  }

  /** Paths are relative to the agent's configuration folder. */
  async agentFiles(files: ProcessPlan['files']): Promise<StageClaim['agentFiles']> {
    const room = { left: INLINE_TOTAL };
    const all: StageClaim['agentFiles'] = [];
    for (const { path, content } of files) {
      const relative = path.startsWith(`${AGENT_DIR}/`) ? path.slice(AGENT_DIR.length + 1) : path;
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      all.push({ path: relative, content: await this.#content(bytes, room) });
    }
    return all;
  }

  async #content(bytes: Uint8Array, room: { left: number }): Promise<Content> {
    if (bytes.byteLength <= Math.min(INLINE_BYTES, room.left)) {
      room.left -= bytes.byteLength;
      return inlined(bytes);
    }
    const digest = sha256(bytes);
    if (!(await this.#artifacts.keep(digest))) await this.#artifacts.put(bytes);
    return { digest };
  }

  async #byDigest(digest: Sha256, blobs: BlobSource): Promise<Sha256> {
    // Asked each time: a sweep takes what no claim names, and must know what one is about to name.
    if (!(await this.#artifacts.keep(digest))) await this.#artifacts.put(await blobs.read(digest));
    return digest;
  }
}

function inlined(bytes: Uint8Array): Content {
  return { inline: Buffer.from(bytes).toString('base64') };
}
