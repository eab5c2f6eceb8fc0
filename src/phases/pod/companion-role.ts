import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../../base/error.ts';
import { READY_FILE } from '../../protocol/pod-contract.ts';
import type { AttemptEndBody, CompanionClaim } from '../../protocol/sandbox-api.ts';
import { type ModelLink, POD_LINK_LIMITS, startLoopbackLink } from '../model-link.ts';
import { awaitClaim } from './await-claim.ts';
import { collectEnd } from './collect-end.ts';
import { aborted, giveUpAfterStop } from './give-up.ts';
import type { RoleContext } from './role-context.ts';

/** The link's last calls are told off while the snapshot is taken; nobody waits for them longer. */
const LINK_CLOSE_MS = 5000;

/**
 * Serves the agent's model link until the agent is gone (SIGTERM comes then), and hands on what is
 * left of its work. Everything that the agent left behind is hostile.
 */
export async function companionRole(context: RoleContext): Promise<number> {
  const { client, paths, stop, graceSeconds, clock, logger } = context;
  using giveUp = giveUpAfterStop(stop, graceSeconds, clock);
  const ready = join(paths.state, READY_FILE);
  await rm(ready, { force: true });
  const claimed = await awaitClaim('companion', context, giveUp.signal);
  if ('exit' in claimed) return claimed.exit;
  const { claim } = claimed;
  const link = await openLink(claim, context);
  await writeFile(ready, '');
  await aborted(stop);
  const linkLost = link?.lost?.message;
  const closed = closeLink(link, context);
  const session = client.session(claim.credential);
  const end: AttemptEndBody = {
    ...(await collectEnd(claim, context, session, giveUp.signal)),
    ...(linkLost !== undefined && { linkLost }),
  };
  await session.end(end, giveUp.signal);
  await closed;
  const { snapshot, refused } = end;
  logger.info({ attempt: claim.attempt, reason: end.agent?.reason, snapshot, refused }, 'ended');
  return 0;
}

async function openLink(
  claim: CompanionClaim,
  context: RoleContext,
): Promise<ModelLink | undefined> {
  const { linkBearer, gatewayLossSeconds } = claim;
  if (linkBearer === undefined) return undefined;
  return await startLoopbackLink(
    {
      gateway: context.openGateway(),
      bearer: linkBearer,
      newCallId: () => crypto.randomUUID(),
      clock: context.clock,
      random: context.random,
      logger: context.logger,
      gatewayLossSeconds,
      limits: POD_LINK_LIMITS,
      onLost: () => undefined,
    },
    context.linkPort,
  );
}

async function closeLink(link: ModelLink | undefined, context: RoleContext): Promise<void> {
  if (link === undefined) return;
  const late = new AbortController();
  const closed = Promise.resolve(link[Symbol.asyncDispose]()).catch((thrown: unknown) => {
    context.logger.debug({ error: errorMessage(thrown) }, 'the model link did not close');
  });
  const waited = context.clock.sleep(LINK_CLOSE_MS, late.signal).catch(() => undefined);
  await Promise.race([closed, waited]);
  late.abort();
}
