import { asAttemptId, asRolloutId } from '../../src/base/brand.ts';
import { ClawError } from '../../src/base/error.ts';
import type { AttemptEndBody, VerdictBody } from '../../src/protocol/sandbox-api.ts';
import type {
  ClaimDesk,
  ClaimingPod,
  CompanionGrant,
  DeskAnswer,
  FetchGrant,
  ReportGrant,
  StageGrant,
} from '../../src/server/sandbox/claim-desk.ts';
import type { ClaimRow, ClusterStore, Fetched } from '../../src/store/cluster-records.ts';
import { aClaim, anEnd } from './records.ts';

export const CAPS = { totalBytes: 1_000_000, entries: 100, nameBytes: 255, pathBytes: 1024 };

/** The least desk that is right: attempts on a real store, fixed grants around them. */
export class SimpleDesk implements ClaimDesk {
  readonly #store: ClusterStore;
  /** Laid over the grants. */
  stageGrant: Partial<StageGrant> = {};
  fetchGrant: Partial<FetchGrant> = {};
  hasModel = true;
  /** Answers every claim, where it is set. */
  refusal: { readonly decision: 'decided' | 'wait'; readonly reason: string } | undefined;
  readonly ends: AttemptEndBody[] = [];
  readonly fetches: Fetched[] = [];
  readonly verdicts: VerdictBody[] = [];
  #nonces = 0;

  constructor(store: ClusterStore) {
    this.#store = store;
  }

  async stage(pod: ClaimingPod): Promise<DeskAnswer<StageGrant>> {
    if (this.refusal !== undefined) return { refusal: this.refusal };
    this.#nonces += 1;
    const nonce = `nonce-${this.#nonces}`;
    const known = await this.#store.attemptOfPod(pod.uid);
    const { item } = pod.row;
    const rollout = asRolloutId(
      `${pod.job.batch}/task-${item.kind === 'rollout' ? item.position : 0}/0`,
    );
    const attempt =
      known === undefined
        ? await this.#store.openAttempt(rollout, aClaim({ engine: `pod:${pod.uid}`, nonce }))
        : await this.#store.renewAttempt(known.id, nonce);
    const grant = { inputs: [], changes: [], agentFiles: [], wrapperSpec: { nonce } };
    return { grant: { attempt: attempt.id, ...grant, ...this.stageGrant } };
  }

  async companion(pod: ClaimingPod): Promise<DeskAnswer<CompanionGrant>> {
    const attempt = await this.#store.attemptOfPod(pod.uid);
    if (attempt === undefined) throw new ClawError('Conflict', 'stage has not claimed yet');
    return {
      grant: {
        attempt: attempt.id,
        reportNonce: attempt.nonce,
        hasModel: this.hasModel,
        gatewayLossSeconds: 120,
        caps: CAPS,
      } as CompanionGrant,
    };
  }

  async fetch(pod: ClaimingPod): Promise<DeskAnswer<FetchGrant>> {
    const { item } = pod.row;
    const grant = {
      attempt: item.kind === 'verification' ? item.attempt : '',
      kind: item.kind === 'verification' ? item.verification : 'gate',
      task: {},
      changes: [],
      caps: CAPS,
      graderSpec: {},
      reads: [],
      nonce: 'verdict-nonce',
    } as const;
    return await Promise.resolve({ grant: { ...grant, ...this.fetchGrant } as FetchGrant });
  }

  async report(pod: ClaimingPod): Promise<DeskAnswer<ReportGrant>> {
    const fetched = await this.#store.claimOf(pod.uid, 'fetch');
    const verdictNonce = fetched?.nonce ?? '';
    return {
      grant: { attempt: fetched?.attempt ?? '', kind: 'main', verdictNonce } as ReportGrant,
    };
  }

  async end(claim: ClaimRow, body: AttemptEndBody): Promise<void> {
    this.ends.push(body);
    const attempt = await this.#store.attemptOfPod(claim.podUid);
    if (attempt === undefined) throw new ClawError('Internal', 'no attempt');
    await this.#store.endAttempt(attempt.id, attempt.nonce, anEnd({ snapshot: body.snapshot }));
  }

  async fetched(claim: ClaimRow, fetched: Fetched): Promise<void> {
    this.fetches.push(fetched);
    await this.#store.putFetched(claim.podUid, fetched);
  }

  async verdict(_claim: ClaimRow, body: VerdictBody): Promise<void> {
    this.verdicts.push(body);
    await Promise.resolve();
  }
}

export const FIRST_ATTEMPT = asAttemptId('batch-1/task-0/0#1');
