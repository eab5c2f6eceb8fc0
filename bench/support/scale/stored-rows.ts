import { Agent } from 'undici';
import { asBatchId } from '../../../src/base/brand.ts';
import { QueryClient } from '../../../src/server/query/query-client.ts';
import { forEachParallel } from '../kube.ts';
import type { ServerAccess } from './installed.ts';

const PARALLEL = 8;

/** What the server's rows say of a batch. */
export interface StoredRows {
  readonly planned: number;
  readonly decided: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly attempts: number;
  readonly verifications: number;
  /** Rollouts whose attempts that count, or whose main verdicts, are not one. */
  readonly notOne: readonly string[];
}

/** Reads every rollout of the batch, each attempt of it and each verification, by the query API. */
export async function storedRows(
  { url, ca, token }: ServerAccess,
  batchUid: string,
): Promise<StoredRows> {
  const dispatcher = new Agent({ connect: { ca } });
  const { signal } = new AbortController();
  const records = new QueryClient({ url, dispatcher, token, signal });
  const rollouts = await records.listRollouts(asBatchId(batchUid));
  const outcomes: Record<string, number> = {};
  const notOne: string[] = [];
  const total = { attempts: 0, verifications: 0 };
  await forEachParallel(rollouts, PARALLEL, async ({ id, decision }) => {
    if (decision !== undefined) outcomes[decision.outcome] = (outcomes[decision.outcome] ?? 0) + 1;
    const attempts = await records.listAttempts(id);
    const ended = attempts.filter(({ end }) => end !== undefined);
    const verdicts = (
      await Promise.all(ended.map((attempt) => records.listVerifications(attempt.id)))
    ).flat();
    total.attempts += attempts.length;
    total.verifications += verdicts.length;
    const main = verdicts.filter(({ kind }) => kind === 'main').length;
    if (ended.length !== 1 || main !== 1 || ended[0]?.id !== decision?.attempt)
      notOne.push(`${id}: ${attempts.length} attempts, ${ended.length} ended, ${main} verdicts`);
  });
  await dispatcher.close();
  const decided = rollouts.filter(({ decision }) => decision !== undefined).length;
  return { planned: rollouts.length, decided, outcomes, ...total, notOne };
}
