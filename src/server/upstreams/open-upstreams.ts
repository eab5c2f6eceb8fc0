import { lookup as systemLookup } from 'node:dns';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { OpenAiUpstream } from '../../gateway/openai-upstream.ts';
import { guardedLookup } from './forbidden-hosts.ts';
import { keptLookup } from './kept-lookup.ts';
import { type SecretReader, SecretUpstreams } from './secret-upstreams.ts';

export interface UpstreamsOptions {
  readonly secrets: SecretReader;
  /** Names of the server itself. */
  readonly ownNames: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The endpoints that Secrets name, over guarded connections. */
export function openUpstreams({ secrets, ownNames, clock, logger }: UpstreamsOptions) {
  // One for all endpoints: what is known of a name outlives a changed key.
  const lookup = guardedLookup(keptLookup(systemLookup, clock));
  return new SecretUpstreams({
    secrets,
    connect: (name, { baseUrl, apiKey }) =>
      new OpenAiUpstream({ name, baseUrl, apiKey, clock, random: Math.random, logger, lookup }),
    ownNames: new Set(ownNames),
    clock,
  });
}
