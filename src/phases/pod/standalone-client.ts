import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { parseJson, type Sha256 } from '../../base/brand.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import type { Role } from '../../protocol/pod-contract.ts';
import { CLAIMS, type ClaimAnswer, type RoleClient, type RoleSession } from './sandbox-client.ts';

/**
 * A folder, for example a ConfigMap's, in the place of a server: `<role>.json` is the role's claim,
 * artifacts are named by their digest. What a server would be told is one JSON line each on standard
 * output. It measures what a pod costs by itself, and shows a role at work without a cluster.
 */
export class StandaloneClient implements RoleClient {
  readonly #folder: string;
  readonly #print: (line: string) => void;

  constructor(folder: string, print: (line: string) => void) {
    this.#folder = folder;
    this.#print = print;
  }

  async claim<R extends Role>(role: R): Promise<ClaimAnswer<R>> {
    const path = join(this.#folder, `${role}.json`);
    const parsed = CLAIMS[role].safeParse(parseJson(await readFile(path, 'utf8')));
    if (parsed.success) return { claim: parsed.data };
    const issue = parsed.error.issues[0];
    throw new ClawError('InvalidInput', `${path}: ${issue?.path.join('.')}: ${issue?.message}`);
  }

  session(): RoleSession {
    const say = (what: string) => async (body: object) => {
      this.#print(`${JSON.stringify({ [what]: body })}\n`);
    };
    return {
      read: (digest) => this.#read(digest),
      download: async (digest, _giveUp, take) => await take(once(await this.#read(digest))),
      put: async ({ digest, size, open }) => {
        await drain(open());
        await say('stored')({ digest, size });
      },
      putBytes: async (digest, bytes) => await say('stored')({ digest, size: bytes.byteLength }),
      end: say('end'),
      fetched: say('fetched'),
      verdict: say('verdict'),
    };
  }

  async #read(digest: Sha256): Promise<Buffer> {
    const bytes = await readFile(join(this.#folder, digest));
    if (sha256(bytes) === digest) return bytes;
    throw new ClawError('CorruptArtifact', `${join(this.#folder, digest)} has another digest`);
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

async function drain(stream: Readable): Promise<void> {
  const chunks: AsyncIterable<unknown> = stream;
  for await (const chunk of chunks) void chunk;
}
