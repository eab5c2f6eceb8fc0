import type { AttemptId, Sha256 } from '../../base/brand.ts';
import { asAttemptId } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import { InTurn } from '../../base/in-turn.ts';
import type { Role } from '../../protocol/pod-contract.ts';
import type {
  CompanionClaim,
  FetchClaim,
  NoClaim,
  ReportClaim,
  StageClaim,
} from '../../protocol/sandbox-api.ts';
import type { ClaimRow, ClusterStore } from '../../store/cluster-records.ts';
import { type PodProofDeps, provePod, refuseLate } from '../identity/prove-pod.ts';
import { refuse } from '../identity/refusal.ts';
import type { ClaimDesk, ClaimingPod, DeskAnswer } from './claim-desk.ts';
import { namedByFetch, namedByStage } from './named-digests.ts';
import { NO_ROOM } from './no-room.ts';

export interface ClaimOfficeOptions extends Omit<PodProofDeps, 'records'> {
  readonly records: ClusterStore;
  readonly desk: ClaimDesk;
  readonly clock: Clock;
  /** At least 128 random bits in the letters of a bearer. */
  readonly newSecret: () => string;
  /** The store has room for what runs only. */
  readonly storeFull: () => Promise<boolean>;
}

type Claim = StageClaim | CompanionClaim | FetchClaim | ReportClaim;
export type ClaimAnswer = { readonly claim: Claim } | { readonly none: NoClaim };

/** What a claim gives beside its answer, and what is kept of it. */
interface Lease {
  readonly attempt: AttemptId | undefined;
  readonly nonce: string;
  readonly reads: readonly Sha256[];
  readonly hasLink: boolean;
}

/**
 * Gives out and checks the credentials of trusted containers. They are opaque; the store holds their
 * hashes, and a newer claim of the same pod and role replaces the older one. What one pod asks is
 * answered in turn, so that a repeat that overtakes its first try cannot open two attempts.
 */
export class ClaimOffice {
  readonly #options: ClaimOfficeOptions;
  readonly #turns = new InTurn();

  constructor(options: ClaimOfficeOptions) {
    this.#options = options;
  }

  async claim(role: Role, authorization: string | undefined): Promise<ClaimAnswer> {
    try {
      const pod = await provePod(role, authorization, this.#options);
      if ('decision' in pod) return { none: pod };
      return await this.inTurn(pod.uid, () => this.#decide(role, pod));
    } catch (thrown) {
      // The container that asks ends; there is nothing for it to do any more.
      if (!(thrown instanceof ClawError && thrown.code === 'Fenced')) throw thrown;
      return { none: { decision: 'decided', reason: thrown.message } };
    }
  }

  /** The claim behind a credential. Throws `Unauthorized` or `Forbidden`. */
  async authenticate(authorization: string | undefined, roles: readonly Role[]): Promise<ClaimRow> {
    const credential = /^Bearer ([\w-]{16,128})$/i.exec(authorization ?? '')?.[1];
    if (credential === undefined) throw refuse('TokenMissing');
    const claim = await this.#options.records.claimByCredential(sha256(credential));
    if (claim === undefined) throw refuse('CredentialUnknown');
    if (!roles.includes(claim.role)) throw refuse('OtherRole', claim.role);
    return claim;
  }

  /** As `authenticate`, for a write: `Fenced` once the Job of the claim is over. */
  async authenticateWriter(authorization: string | undefined, role: Role): Promise<ClaimRow> {
    const claim = await this.authenticate(authorization, [role]);
    const job = await this.#options.records.jobByName({
      ...{ batch: claim.batch, name: claim.job },
    });
    if (job === undefined) throw refuse('UnknownJob', claim.job);
    refuseLate(job);
    if (role === 'companion') await this.#refuseClosed(claim);
    return claim;
  }

  /** An attempt that was given up is run again: what still comes of it is nobody's. */
  async #refuseClosed({ attempt }: ClaimRow): Promise<void> {
    const row = attempt && (await this.#options.records.getAttempt(attempt));
    const given = row?.close?.class;
    if (row?.end !== undefined || (given !== 'disruption' && given !== 'cancelled')) return;
    throw new ClawError('Fenced', `attempt ${attempt} was given up as ${given}`, {
      details: { reason: 'AttemptClosed' },
    });
  }

  inTurn<T>(podUid: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(podUid, work);
  }

  async #decide(role: Role, pod: ClaimingPod): Promise<ClaimAnswer> {
    const { desk, storeFull } = this.#options;
    switch (role) {
      case 'stage':
        if (await storeFull()) return { none: NO_ROOM };
        return await this.#give(role, pod, await desk.stage(pod), (grant) => ({
          body: grant,
          lease: leaseOf(grant.attempt, { reads: namedByStage(grant) }),
        }));
      case 'companion':
        return await this.#give(role, pod, await desk.companion(pod), ({ hasModel, ...body }) => ({
          body,
          lease: leaseOf(body.attempt, { nonce: body.reportNonce, hasLink: hasModel }),
        }));
      case 'fetch':
        return await this.#give(role, pod, await desk.fetch(pod), (grant) => {
          const { reads: _, nonce, ...body } = grant;
          return { body, lease: leaseOf(ofItem(pod), { nonce, reads: namedByFetch(grant) }) };
        });
      case 'report':
        return await this.#give(role, pod, await desk.report(pod), (body) => ({
          body,
          lease: leaseOf(ofItem(pod), { nonce: body.verdictNonce }),
        }));
    }
  }

  async #give<G, B extends object>(
    role: Role,
    pod: ClaimingPod,
    answer: DeskAnswer<G>,
    split: (grant: G) => { readonly body: B; readonly lease: Lease },
  ): Promise<
    { readonly claim: B & { credential: string; linkBearer?: string } } | { readonly none: NoClaim }
  > {
    if ('refusal' in answer) return { none: answer.refusal };
    const { records, clock, newSecret } = this.#options;
    const { body, lease } = split(answer.grant);
    const credential = newSecret();
    const linkBearer = lease.hasLink ? newSecret() : undefined;
    await records.putClaim({
      podUid: pod.uid,
      role,
      batch: pod.job.batch,
      job: pod.job.name,
      index: pod.row.index,
      item: pod.row.item,
      attempt: lease.attempt,
      credentialHash: sha256(credential),
      linkBearerHash: linkBearer === undefined ? undefined : sha256(linkBearer),
      nonce: lease.nonce,
      reads: lease.reads,
      createdAt: clock.now(),
    });
    return { claim: { ...body, credential, ...(linkBearer !== undefined && { linkBearer }) } };
  }
}

function leaseOf(attempt: string | undefined, parts: Partial<Lease>): Lease {
  return {
    nonce: '',
    reads: [],
    hasLink: false,
    ...parts,
    attempt: attempt === undefined ? undefined : asAttemptId(attempt),
  };
}

function ofItem({ row }: ClaimingPod): string | undefined {
  return row.item.kind === 'verification' ? row.item.attempt : undefined;
}
