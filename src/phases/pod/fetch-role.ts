import { createReadStream, createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asSha256, type Sha256 } from '../../base/brand.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import type { FetchClaim } from '../../protocol/sandbox-api.ts';
import type { Finding } from '../../rollouts/outcome.ts';
import { type Task, zTask } from '../../tasks/task.ts';
import { applyChanges } from '../apply-changes.ts';
import { type FetchSources, fetchVerifier, fetchWorkspace } from '../fetch.ts';
import { makeWorkspaceFolder } from '../workspace-files.ts';
import { awaitClaim } from './await-claim.ts';
import { endedFromOutside, giveUpAfter } from './give-up.ts';
import { readChanges } from './read-content.ts';
import type { RoleContext } from './role-context.ts';
import type { RoleSession } from './sandbox-client.ts';
import { emptyVolume, writeSpec } from './volumes.ts';

const FETCH_SECONDS = 300;

/**
 * Claims a verification and lays out what its verifier sees: the scratch workspace, the verifier's
 * files, the grader's specification; says what it put right on the way.
 */
export async function fetchRole(context: RoleContext): Promise<number> {
  using giveUp = giveUpAfter(FETCH_SECONDS, context.clock, context.stop);
  try {
    const claimed = await awaitClaim('fetch', context, giveUp.signal);
    if ('exit' in claimed) return claimed.exit;
    const session = context.client.session(claimed.claim.credential);
    const findings = await layOut(claimed.claim, context, session, giveUp.signal);
    const graderRoot = await rootDigest(context);
    await session.fetched(
      { findings: [...findings], ...(graderRoot !== undefined && { graderRoot }) },
      giveUp.signal,
    );
    context.logger.info({ attempt: claimed.claim.attempt, kind: claimed.claim.kind }, 'fetched');
    return 0;
  } catch (thrown) {
    return endedFromOutside(thrown, context.stop, giveUp.signal);
  }
}

async function layOut(
  claim: FetchClaim,
  context: RoleContext,
  session: RoleSession,
  giveUp: AbortSignal,
): Promise<readonly Finding[]> {
  const { workspace, verifier, verdict, state } = context.paths;
  const task = readTask(claim.task);
  if (task.verifier === undefined) {
    throw new ClawError('InvalidTask', `task ${task.id} has no code verifier to grade with`);
  }
  for (const volume of [workspace, verifier, verdict]) await emptyVolume(volume);
  const read = (digest: Sha256) => session.read(digest, giveUp);
  const findings = await fetchWorkspace(
    task,
    claim.snapshot,
    claim.kind === 'gate' ? 'pristine' : claim.kind,
    workspace,
    sources(claim, session, state, giveUp),
  );
  for await (const change of readChanges(claim.changes, read)) {
    await applyChanges(workspace, [change]);
  }
  await fetchVerifier(task.verifier, { read }, verifier);
  // The verifier's files are mounted there, below the workspace (phases/grade-layout.ts).
  if (task.verifier.dialect === 'reward-sh') await makeWorkspaceFolder(workspace, 'reward');
  await writeSpec(verdict, claim.graderSpec);
  return findings;
}

/** Identity of the tools that will grade; an image that has none is named by nobody. */
async function rootDigest({ rootDigestFile, logger }: RoleContext): Promise<Sha256 | undefined> {
  try {
    return asSha256((await readFile(rootDigestFile, 'utf8')).trim());
  } catch (thrown) {
    logger.warn({ error: errorMessage(thrown) }, 'the image does not name its tools');
    return undefined;
  }
}

function sources(
  claim: FetchClaim,
  session: RoleSession,
  state: string,
  giveUp: AbortSignal,
): FetchSources {
  return {
    caps: claim.caps,
    blobs: { read: (digest) => session.read(digest, giveUp) },
    streamArtifact: async (digest): Promise<Readable> => {
      // Whole and verified first: a connection that breaks must not leave half a workspace.
      const path = join(state, 'snapshot.tar');
      await session.download(digest, giveUp, async (chunks) => {
        await pipeline(chunks, createWriteStream(path, { mode: 0o600 }));
      });
      return createReadStream(path);
    },
  };
}

function readTask(value: unknown): Task {
  const parsed = zTask.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const message = `the claim's task is wrong at ${issue?.path.join('.')}: ${issue?.message}`;
  throw new ClawError('InvalidTask', message);
}
