import { EXIT, type Role } from '../../protocol/pod-contract.ts';
import type { RoleContext } from './role-context.ts';
import type { Claims } from './sandbox-client.ts';

/** So long a container asks again that was told to wait (design: rollouts.md 4). */
const CLAIM_WAIT_SECONDS = 120;

/**
 * The claim of a role, or the exit code that ends its container: the index is decided, or the attempt
 * before is not classed in time. Each `wait` names its own pause.
 */
export async function awaitClaim<R extends Role>(
  role: R,
  context: Pick<RoleContext, 'client' | 'clock' | 'logger'>,
  giveUp: AbortSignal,
): Promise<{ readonly claim: Claims[R] } | { readonly exit: number }> {
  const until = context.clock.monotonic() + CLAIM_WAIT_SECONDS * 1000;
  for (;;) {
    const answer = await context.client.claim(role, giveUp);
    if ('claim' in answer) return answer;
    const { decision, reason, retryAfterSeconds } = answer.none;
    context.logger.info({ role, decision, reason }, 'no claim');
    if (decision === 'decided') return { exit: EXIT.decided };
    const pause = (retryAfterSeconds ?? CLAIM_WAIT_SECONDS) * 1000;
    if (context.clock.monotonic() + pause >= until) return { exit: EXIT.wait };
    await context.clock.sleep(pause, giveUp);
  }
}
