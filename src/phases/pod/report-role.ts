import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../../base/error.ts';
import { READY_FILE } from '../../protocol/pod-contract.ts';
import type { VerdictBody } from '../../protocol/sandbox-api.ts';
import { readVerdictFile } from '../verdict-file.ts';
import { awaitClaim } from './await-claim.ts';
import { aborted, giveUpAfterStop } from './give-up.ts';
import type { RoleContext } from './role-context.ts';

/**
 * Waits until `grade` has ended (SIGTERM comes then) and hands on what lies where its verdict should
 * be, or that there is none. The server judges it.
 */
export async function reportRole(context: RoleContext): Promise<number> {
  const { client, paths, stop, graceSeconds, clock, logger } = context;
  using giveUp = giveUpAfterStop(stop, graceSeconds, clock);
  const ready = join(paths.state, READY_FILE);
  await rm(ready, { force: true });
  const claimed = await awaitClaim('report', context, giveUp.signal);
  if ('exit' in claimed) return claimed.exit;
  await writeFile(ready, '');
  await aborted(stop);
  const verdict = verdictBody(paths.verdict);
  await client.session(claimed.claim.credential).verdict(verdict, giveUp.signal);
  const { attempt, kind } = claimed.claim;
  logger.info({ attempt, kind, problem: verdict.problem }, 'reported');
  return 0;
}

function verdictBody(folder: string): VerdictBody {
  try {
    const reading = readVerdictFile(folder);
    return typeof reading === 'string' ? { text: reading } : { problem: reading.message };
  } catch (thrown) {
    return { problem: `the verdict cannot be read: ${errorMessage(thrown)}` };
  }
}
