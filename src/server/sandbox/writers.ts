import type { FastifyRequest } from 'fastify';
import { ClawError } from '../../base/error.ts';
import type { Role } from '../../protocol/pod-contract.ts';
import type { ClaimRow } from '../../store/cluster-records.ts';
import type { ClaimOffice } from './claim-office.ts';

/**
 * Lets the credential of a role through, before anything of the body is read: the untrusted container
 * of a pod reaches this listener too, and must not make it hold what it sends.
 */
export class Writers {
  readonly #office: ClaimOffice;
  readonly #proven: (request: FastifyRequest) => void;
  readonly #claims = new WeakMap<FastifyRequest, ClaimRow>();

  /** @param options `proven` is told of each request that was let through */
  constructor(options: {
    readonly office: ClaimOffice;
    readonly proven: (request: FastifyRequest) => void;
  }) {
    this.#office = options.office;
    this.#proven = options.proven;
  }

  /** Options of a route. */
  only(role: Role, limits: { readonly bodyLimit?: number } = {}) {
    const onRequest = async (request: FastifyRequest): Promise<void> => {
      const { authorization } = request.headers;
      this.#claims.set(request, await this.#office.authenticateWriter(authorization, role));
      this.#proven(request);
    };
    return { ...limits, onRequest };
  }

  /** The claim of a request that was let through. */
  claimOf(request: FastifyRequest): ClaimRow {
    const claim = this.#claims.get(request);
    if (claim === undefined) throw new ClawError('Internal', 'a write without a claim');
    return claim;
  }
}
