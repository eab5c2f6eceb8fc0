import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { OpenAiUpstream } from '../../gateway/openai-upstream.ts';
import { POLICY_PORT } from '../../protocol/pod-contract.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { PolicyDesk } from './policy-desk.ts';
import { provePolicy } from './prove-policy.ts';

/** The policy pods of a cluster, called at their own addresses. */
export function openPolicies(parts: {
  readonly artifacts: Pick<ArtifactStore, 'read' | 'size'>;
  readonly clock: Clock;
  readonly logger: Logger;
}): PolicyDesk {
  const { artifacts, clock, logger } = parts;
  return new PolicyDesk({
    artifacts,
    connect: ({ name, baseUrl, key }) =>
      new OpenAiUpstream({ name, baseUrl, apiKey: key, clock, random: Math.random, logger }),
    prove: provePolicy,
    originOf: (podIP) => {
      const host = podIP.includes(':') ? `[${podIP}]` : podIP;
      return `http://${host}:${POLICY_PORT}`;
    },
  });
}
