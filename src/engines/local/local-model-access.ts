import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import { plainText } from '../../base/plain-text.ts';
import type { Gateway } from '../../gateway/chat-completions.ts';
import type { GatewaySession, SessionBudgets } from '../../gateway/session.ts';
import type { MemorySessionDirectory } from '../../gateway/session-directory.ts';
import type { Upstream } from '../../gateway/upstream.ts';
import { MAX_LINK_CONNECTIONS, type SocketLink, startModelLink } from '../../phases/model-link.ts';
import type { SandboxOwner } from '../../phases/process-sandbox.ts';
import { SocketGateway } from '../../phases/socket-gateway.ts';
import type { EpisodeBudgets } from '../../server/planning/batch-settings.ts';
import type { AttemptModelAccess, ModelAccess, ModelAccessRequest } from './model-access.ts';

export interface LocalModelAccessOptions {
  readonly gateway: Gateway;
  readonly gatewaySocket: string;
  readonly sessions: MemorySessionDirectory;
  /** By the key that batches name in their model binding. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly owner: SandboxOwner | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  /** Unguessable; used for bearers. */
  readonly newSecret: () => string;
  readonly newCallId: () => string;
  readonly logger: Logger;
}

const MESSAGE_CHARS = 600;

/** Sessions in this process's gateway, links on Unix sockets that sandboxes see. */
export class LocalModelAccess implements ModelAccess {
  readonly #options: LocalModelAccessOptions;
  /** Upstreams whose failure was said: once a run is enough. */
  readonly #warned = new Set<string>();

  constructor(options: LocalModelAccessOptions) {
    this.#options = options;
  }

  async open(request: ModelAccessRequest): Promise<AttemptModelAccess> {
    const { sessions, newSecret } = this.#options;
    const bearer = newSecret();
    const session = await sessions.open({
      attempt: request.attempt,
      bearer,
      upstream: this.#upstream(request.model.upstream),
      model: request.model.name,
      budgets: sessionBudgets(request.budgets),
      sampling: request.model.sampling,
    });
    try {
      return this.#access(request, session, await this.#startLink(request, bearer));
    } catch (thrown) {
      // Nobody else ends a session whose attempt never got its link.
      sessions.revoke(request.attempt);
      throw thrown;
    }
  }

  async #startLink(request: ModelAccessRequest, bearer: string): Promise<SocketLink> {
    const { newCallId, clock, random, logger, owner, gatewaySocket } = this.#options;
    return await startModelLink({
      folder: join(request.socketDir, 'link'),
      owner,
      gateway: new SocketGateway(gatewaySocket, MAX_LINK_CONNECTIONS),
      bearer,
      newCallId,
      clock,
      random,
      logger,
      gatewayLossSeconds: request.gatewayLossSeconds,
      onLost: () => undefined,
    });
  }

  #access(
    request: ModelAccessRequest,
    session: GatewaySession,
    link: SocketLink,
  ): AttemptModelAccess {
    return {
      socketPath: link.socketPath,
      budgetEnded: () => session.budgetEnded !== undefined,
      lost: (deadlineSeconds) => {
        if (link.lost !== undefined) return { code: 'LinkLost', message: link.lost.message };
        if (deadlineSeconds !== undefined) {
          session.cutAtDeadline(deadlineSeconds, this.#options.clock.monotonic());
        }
        const reason = session.upstreamFailed;
        if (reason === undefined) return undefined;
        this.#warnOnce(request, reason);
        return { code: 'UpstreamFailed', message: plainText(reason, MESSAGE_CHARS) };
      },
      [Symbol.asyncDispose]: async () => {
        this.#options.sessions.revoke(request.attempt);
        await this.#options.gateway.endAttempt(request.attempt);
        await link[Symbol.asyncDispose]();
      },
    };
  }

  #warnOnce({ model, attempt }: ModelAccessRequest, reason: string): void {
    if (this.#warned.has(model.upstream)) return;
    this.#warned.add(model.upstream);
    this.#options.logger.warn(
      { arm: model.upstream, model: model.name, attempt, reason },
      'an attempt lost its model; it counts as an infrastructure failure, and further ones of this arm are not shown',
    );
  }

  #upstream(key: string): Upstream {
    const upstream = this.#options.upstreams.get(key);
    if (upstream !== undefined) return upstream;
    throw new ClawError('Internal', `no upstream ${JSON.stringify(key)} in this engine`);
  }
}

function sessionBudgets(budgets: EpisodeBudgets): SessionBudgets {
  return {
    turns: budgets.turns ?? Number.POSITIVE_INFINITY,
    totalTokens: budgets.tokens ?? Number.POSITIVE_INFINITY,
    seconds: budgets.seconds ?? Number.MAX_SAFE_INTEGER / 1000,
  };
}
