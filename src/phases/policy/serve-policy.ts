import { rm } from 'node:fs/promises';
import { errorMessage } from '../../base/error.ts';
import { REPORT_SECONDS } from '../../protocol/policy-api.ts';
import { type FetchContext, fetchPolicy, versionFolder } from './fetch-policy.ts';
import type { PolicyClient } from './policy-client.ts';

/** The policy server of the pod, as its sidecar asks it. */
export interface LocalPolicyServer {
  /** The version that it says it answers with; `unsaid` where it names none; undefined: no answer. */
  version(signal: AbortSignal): Promise<number | 'unsaid' | undefined>;
  /** Throws with its words where it does not take the version. */
  load(folder: string, version: number, signal: AbortSignal): Promise<void>;
}

export interface ServeContext extends FetchContext {
  readonly client: Pick<PolicyClient, 'files' | 'file' | 'report'>;
  readonly server: LocalPolicyServer;
  readonly key: string;
  /** That the policy server was started with. */
  readonly firstVersion: number;
}

/** Files of so many versions stay: answers under way are finished by the one before. */
const KEPT = 2;

/**
 * Tells the server every few seconds which version answers here, and brings the policy server to the
 * one that is wanted; until the signal aborts, which is its reason to reject. A server that cannot be
 * reached is asked again.
 */
export async function servePolicy(context: ServeContext, stop: AbortSignal): Promise<never> {
  const { client, clock, logger, server, key } = context;
  let loaded = context.firstVersion;
  let problem: string | undefined;
  for (;;) {
    const said = await server.version(stop);
    const version = said === 'unsaid' ? loaded : said;
    const report = { key, version: version ?? null, ...(problem !== undefined && { problem }) };
    const answer = await client.report(report, stop);
    if ('version' in answer && version !== undefined && answer.version !== version) {
      try {
        loaded = await load(context, stop);
        problem = undefined;
        continue;
      } catch (thrown) {
        stop.throwIfAborted();
        problem = errorMessage(thrown).slice(0, 2000);
        logger.warn({ wanted: answer.version, problem }, 'a version could not be loaded');
      }
    }
    await clock.sleep(REPORT_SECONDS * 1000, stop);
  }
}

async function load(context: ServeContext, stop: AbortSignal): Promise<number> {
  const { models, server, logger } = context;
  const { version, folder } = await fetchPolicy(context, stop);
  await server.load(folder, version, stop);
  logger.info({ version }, 'loaded');
  const old = versionFolder(models, version - KEPT);
  await rm(old, { recursive: true, force: true });
  return version;
}
