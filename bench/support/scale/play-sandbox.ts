import type { SecureContext } from 'node:tls';
import type { Sha256 } from '../../../src/base/brand.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { sha256 } from '../../../src/base/digest.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { awaitClaim } from '../../../src/phases/pod/await-claim.ts';
import { ListenerConnection } from '../../../src/phases/pod/listener-connection.ts';
import { readContent } from '../../../src/phases/pod/read-content.ts';
import { SandboxClient } from '../../../src/phases/pod/sandbox-client.ts';
import type { StageClaim } from '../../../src/protocol/sandbox-api.ts';
import { zTask } from '../../../src/tasks/task.ts';
import { packFiles } from './pack-files.ts';

/** How the programs of one pod reach the server, with the token that the pod has. */
export interface PodAccess {
  readonly serverUrl: string;
  readonly ca: string;
  /** Of these certificates: a container makes its own once, but here thousands are one process. */
  readonly secureContext: SecureContext;
  readonly token: string;
  readonly signal: AbortSignal;
}

/** The first container's exit code where it has nothing to do, else what comes of it. */
export type FirstEnd<T> = { readonly exit: number } | { readonly done: T };

const SHARED = { clock: systemClock, random: Math.random, logger: silentLogger };

/** Each container has a connection of its own, as each is a process of its own. */
async function connected<T>(
  { serverUrl, ca, secureContext, token }: PodAccess,
  work: (context: typeof SHARED & { readonly client: SandboxClient }) => Promise<T>,
): Promise<T> {
  const connection = new ListenerConnection({ serverUrl, ca, secureContext });
  const readToken = async () => await Promise.resolve(token);
  try {
    return await work({
      ...SHARED,
      client: new SandboxClient({ ...SHARED, connection, readToken }),
    });
  } finally {
    connection.close();
  }
}

/** `stage`, without a volume: claims, reads all inputs; gives the workspace as its snapshot. */
export async function stage(access: PodAccess): Promise<FirstEnd<Buffer>> {
  return await connected(access, async (context) => {
    const claimed = await awaitClaim('stage', context, access.signal);
    if ('exit' in claimed) return claimed;
    const session = context.client.session(claimed.claim.credential);
    const read = (digest: Sha256) => session.read(digest, access.signal);
    return { done: await workspaceOf(claimed.claim, read) };
  });
}

async function workspaceOf(
  { inputs, changes }: StageClaim,
  read: (digest: Sha256) => Promise<Uint8Array>,
): Promise<Buffer> {
  if (changes.length > 0) throw new Error('only the agent nop is played: it changes nothing');
  const files = [];
  for (const { path, content, executable } of inputs) {
    files.push({ path, executable, content: await readContent(content, read) });
  }
  return await packFiles(files);
}

const NOTHING = Buffer.alloc(0);

/** `companion` beside an agent that does nothing: claims, and hands in what is left. */
export async function companion(
  access: PodAccess,
  snapshot: Buffer,
  agent: () => Promise<number>,
): Promise<void> {
  await connected(access, async (context) => {
    const { signal } = access;
    const claimed = await awaitClaim('companion', context, signal);
    if ('exit' in claimed) throw new Error(`companion ended with ${claimed.exit}`);
    const seconds = await agent();
    const session = context.client.session(claimed.claim.credential);
    const [digest, silence] = [sha256(snapshot), sha256(NOTHING)];
    await session.putBytes(digest, snapshot, signal);
    // Its two outputs, which the wrapper keeps also where they are empty.
    for (const _ of ['stdout', 'stderr']) await session.putBytes(silence, NOTHING, signal);
    const end = { exitCode: 0, signal: null, reason: 'Exited', seconds, detail: '' } as const;
    const outputs = { stdout: silence, stderr: silence };
    await session.end({ agent: end, snapshot: digest, ...outputs, findings: [] }, signal);
  });
}

/** `fetch`, without a volume: claims, reads snapshot and verifier, says that all was in place. */
export async function fetch(access: PodAccess): Promise<FirstEnd<undefined>> {
  return await connected(access, async (context) => {
    const { signal } = access;
    const claimed = await awaitClaim('fetch', context, signal);
    if ('exit' in claimed) return claimed;
    const { credential, snapshot, task } = claimed.claim;
    const session = context.client.session(credential);
    if (snapshot !== undefined) await session.read(snapshot, signal);
    for (const { digest } of zTask.parse(task).verifier?.files ?? []) {
      await session.read(digest, signal);
    }
    await session.fetched({ findings: [] }, signal);
    return { done: undefined };
  });
}

/** `report` beside a grader that finds the work undone. */
export async function report(access: PodAccess, grade: () => Promise<number>): Promise<void> {
  await connected(access, async (context) => {
    const { signal } = access;
    const claimed = await awaitClaim('report', context, signal);
    if ('exit' in claimed) throw new Error(`report ended with ${claimed.exit}`);
    const seconds = await grade();
    const verdict = {
      nonce: claimed.claim.verdictNonce,
      status: 'ok',
      message: '',
      checks: [['work_done', 0]],
      ...{ flat: 0, native: 0, nativeRaw: 0, rewardSeen: false },
      ...{ python: 'simulated', seconds, observed: { inProcess: [], children: [] } },
    };
    await context.client
      .session(claimed.claim.credential)
      .verdict({ text: JSON.stringify(verdict) }, signal);
  });
}
