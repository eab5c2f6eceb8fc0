import type { StageClaim } from '../../protocol/sandbox-api.ts';
import { applyChanges } from '../apply-changes.ts';
import { writeWorkspaceFile } from '../workspace-files.ts';
import { awaitClaim } from './await-claim.ts';
import { endedFromOutside, giveUpAfter } from './give-up.ts';
import { type ReadArtifact, readChanges, readContent } from './read-content.ts';
import type { RoleContext } from './role-context.ts';
import { emptyVolume, writeSpec } from './volumes.ts';

/** A server that is away for longer ends the pod, and another is made in its place. */
const STAGE_SECONDS = 300;

/**
 * Claims the attempt and lays out what the agent starts from: inputs, the changes of agents that are
 * no program, the agent's own files, and the wrapper's specification last.
 */
export async function stageRole(context: RoleContext): Promise<number> {
  using giveUp = giveUpAfter(STAGE_SECONDS, context.clock, context.stop);
  try {
    const claimed = await awaitClaim('stage', context, giveUp.signal);
    if ('exit' in claimed) return claimed.exit;
    const session = context.client.session(claimed.claim.credential);
    await layOut(claimed.claim, context, (digest) => session.read(digest, giveUp.signal));
    context.logger.info({ attempt: claimed.claim.attempt }, 'staged');
    return 0;
  } catch (thrown) {
    return endedFromOutside(thrown, context.stop, giveUp.signal);
  }
}

async function layOut(claim: StageClaim, context: RoleContext, read: ReadArtifact): Promise<void> {
  const { workspace, agent, report } = context.paths;
  for (const volume of [workspace, agent, report]) await emptyVolume(volume);
  for (const { path, content, executable } of claim.inputs) {
    await writeWorkspaceFile(workspace, path, await readContent(content, read), executable);
  }
  for await (const change of readChanges(claim.changes, read)) {
    await applyChanges(workspace, [change]);
  }
  for (const { path, content } of claim.agentFiles) {
    await writeWorkspaceFile(agent, path, await readContent(content, read));
  }
  await writeSpec(report, claim.wrapperSpec);
}
