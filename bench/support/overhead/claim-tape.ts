import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, parseJson } from '../../../src/base/brand.ts';
import { ClawError } from '../../../src/base/error.ts';
import type {
  ClaimAnswer,
  RoleClient,
  RoleSession,
} from '../../../src/phases/pod/sandbox-client.ts';
import type { Role } from '../../../src/protocol/pod-contract.ts';
import { aPlanBody, aVerdict } from '../../../test/support/cluster-batches.ts';
import { idleWrapper, ServerBed } from '../../../test/support/server-bed.ts';

const UID = 'c1a1b2c3-0000-4000-8000-000000000003';

/** What a real server grants the four programs of a task's two pods, for programs without a server. */
export interface RecordedClaims {
  /** Files of a bundle (`phase --standalone ROLE FOLDER`) by their names. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** Id of the rollout pod's shape: a part of the names of its Jobs. */
  readonly shape: string;
  /** Bytes of the workspace that `nop` leaves, as it is kept; its digest has the times of one run. */
  readonly snapshotBytes: number;
}

/** Plays one rollout of `nop` and its verification at a server in this process, and reads along. */
export async function recordClaims(task: string): Promise<RecordedClaims> {
  await using bed = await ServerBed.start();
  const files = new Map<string, Buffer>();
  const operator = await bed.operator();
  const source = { kind: 'text', name: 'tasks.jsonl', text: `${task}\n` } as const;
  const { signal } = new AbortController();
  const tasks = { configMap: { name: 'tasks', key: 'tasks.jsonl' } };
  const plan = { ...aPlanBody({ spec: { tasks } }), source };
  const { waiting } = await operator.planBatch(UID, plan, { signal });
  await bed.drive(UID, {
    readAlong: (client) => new ClaimTape(client, files),
    agent: idleWrapper,
    grade: async ({ nonce }, { verdict }) => {
      const { report } = aVerdict(nonce, { done: 1 });
      await writeFile(join(verdict, 'verdict.json'), report?.text ?? '');
      return 0;
    },
  });
  return { files, shape: waiting[0]?.shape.id ?? '', snapshotBytes: snapshotOf(files).byteLength };
}

function snapshotOf(files: ReadonlyMap<string, Buffer>): Buffer {
  const claim = parseJson(files.get('fetch.json')?.toString() ?? 'null');
  const found = isRecord(claim) ? files.get(String(claim['snapshot'])) : undefined;
  if (found !== undefined) return found;
  throw new ClawError('Internal', 'the server granted no verification of a snapshot');
}

/** Keeps what a program is granted and what it reads. */
class ClaimTape implements RoleClient {
  readonly #client: RoleClient;
  readonly #files: Map<string, Buffer>;

  constructor(client: RoleClient, files: Map<string, Buffer>) {
    this.#client = client;
    this.#files = files;
  }

  async claim<R extends Role>(role: R, giveUp: AbortSignal): Promise<ClaimAnswer<R>> {
    const answer = await this.#client.claim(role, giveUp);
    if ('claim' in answer) {
      this.#files.set(`${role}.json`, Buffer.from(JSON.stringify(answer.claim)));
    }
    return answer;
  }

  session(credential: string): RoleSession {
    const session = this.#client.session(credential);
    const read: RoleSession['read'] = async (digest, giveUp) => {
      const bytes = await session.read(digest, giveUp);
      this.#files.set(digest, bytes);
      return bytes;
    };
    return {
      read,
      download: async (digest, giveUp, take) => {
        const bytes = await read(digest, giveUp);
        await take(once(bytes));
      },
      put: (artifact, giveUp) => session.put(artifact, giveUp),
      putBytes: (digest, bytes, giveUp) => session.putBytes(digest, bytes, giveUp),
      end: (body, giveUp) => session.end(body, giveUp),
      fetched: (body, giveUp) => session.fetched(body, giveUp),
      verdict: (body, giveUp) => session.verdict(body, giveUp),
    };
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
