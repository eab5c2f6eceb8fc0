import { lastLine, plainText } from '../../base/plain-text.ts';
import { gateChanges } from '../../phases/gate-changes.ts';
import { emptyPayload, gradePayload } from '../../phases/grade-payload.ts';
import { gradeRequest } from '../../phases/grade-request.ts';
import {
  DEFAULT_GRADE_LIMITS,
  gradeSpec,
  verifierFindings,
  verifierVisibleAt,
} from '../../phases/grade-spec.ts';
import type { VerdictBody } from '../../protocol/sandbox-api.ts';
import type { Finding } from '../../rollouts/outcome.ts';
import type { ClaimRow, Fetched, WorkItem } from '../../store/cluster-records.ts';
import type { AttemptRow, VerificationRow } from '../../store/records.ts';
import type { CodeVerifier, Task } from '../../tasks/task.ts';
import { readVerdict, type Verdict } from '../../verifiers/verdict.ts';
import type {
  ClaimDesk,
  ClaimingPod,
  DeskAnswer,
  FetchGrant,
  ReportGrant,
} from '../sandbox/claim-desk.ts';
import { batchOf, type DeskContext, decidedAlready, waitFor } from './desk-context.ts';
import { graderOf } from './grader-of.ts';
import type { LiveBatch } from './live-batch.ts';

type VerifyItem = Exclude<WorkItem, { kind: 'rollout' }>;

/** What one verify pod grades. */
interface Grading {
  readonly task: Task;
  readonly verifier: CodeVerifier;
  /** Undefined for a gate. */
  readonly attempt: AttemptRow | undefined;
}

/** Verifications from their claim to their verdict (design: cluster.md 5). */
export class VerifyDesk implements Pick<ClaimDesk, 'fetch' | 'report' | 'fetched' | 'verdict'> {
  readonly #context: DeskContext;

  constructor(context: DeskContext) {
    this.#context = context;
  }

  async fetch(pod: ClaimingPod): Promise<DeskAnswer<FetchGrant>> {
    const { item } = pod.row;
    if (item.kind === 'rollout') return decidedAlready('this row is no verification');
    const batch = await batchOf(this.#context, pod);
    if (!batch.carries(item)) return decidedAlready('the verdict is in');
    const grading = await this.#grading(batch, item);
    if (grading === undefined) {
      await this.#context.keeper.settle(batch, item);
      return decidedAlready('there is nothing to grade any more');
    }
    return { grant: await this.#grant(batch, item, grading) };
  }

  async report(pod: ClaimingPod): Promise<DeskAnswer<ReportGrant>> {
    const { item } = pod.row;
    if (item.kind === 'rollout') return decidedAlready('this row is no verification');
    const fetched = await this.#context.store.claimOf(pod.uid, 'fetch');
    if (fetched === undefined) return waitFor('fetch of this pod has not claimed yet');
    return {
      grant: { attempt: attemptName(item), kind: kindOf(item), verdictNonce: fetched.nonce },
    };
  }

  async fetched(claim: ClaimRow, fetched: Fetched): Promise<void> {
    await this.#context.store.putFetched(claim.podUid, fetched);
  }

  async verdict(claim: ClaimRow, body: VerdictBody): Promise<void> {
    const { store, directory } = this.#context;
    const { item } = claim;
    if (item.kind === 'rollout') return;
    const batch = await directory.get(claim.batch);
    if (!batch.carries(item)) return;
    const reading = read(body, claim.nonce);
    if ('problem' in reading) {
      // Whether the verifier or the node ended it is the pod's to say.
      await store.putPodReport(claim.podUid, reading.problem);
      const evidence = await store.getEvidence(claim.podUid);
      if (evidence !== undefined) await this.#context.judge.judge(batch, item, evidence);
      return;
    }
    await this.#graded(batch, item, claim.podUid, reading.verdict);
  }

  async #grading(batch: LiveBatch, item: VerifyItem): Promise<Grading | undefined> {
    if (item.kind === 'gate') {
      const task = batch.taskByDigest(item.taskDigest);
      return task.verifier && { task, verifier: task.verifier, attempt: undefined };
    }
    const { task, next } = batch.ofAttempt(item.attempt);
    const attempt = await this.#context.store.getAttempt(item.attempt);
    if (next === undefined || attempt?.end === undefined || task.verifier === undefined) {
      return undefined;
    }
    return { task, verifier: task.verifier, attempt };
  }

  async #grant(
    batch: LiveBatch,
    item: VerifyItem,
    { task, verifier, attempt }: Grading,
  ): Promise<FetchGrant> {
    const { contents, newNonce } = this.#context;
    const { blobs, settings } = batch.planned;
    const nonce = newNonce();
    const kind = kindOf(item);
    const request = gradeRequest(task, verifier, kind === 'gate' ? 'pristine' : kind, {
      verifierDir: '',
      scratchDir: '',
      payload: await this.#payload(task, kind, attempt),
    });
    const { verifierDir: _verifier, scratchDir: _scratch, ...spec } = request;
    const snapshot = kind === 'pristine' ? undefined : attempt?.end?.snapshot;
    const changes = item.kind === 'gate' ? await gateChanges(task, item.gate, blobs) : [];
    const files = [...task.workspace.inputs, ...verifier.files];
    return {
      attempt: attemptName(item),
      kind,
      task: gradedTask(task),
      ...(snapshot !== undefined && { snapshot }),
      changes: await contents.changes(changes),
      caps: { ...settings.snapshot },
      graderSpec: gradeSpec({
        ...spec,
        limits: { ...DEFAULT_GRADE_LIMITS, ...request.limits },
        nonce,
      }),
      reads: await contents.digests(files, blobs),
      nonce,
    };
  }

  /** What the agent said must not break the runs that tell its output from a broken verifier. */
  async #payload(task: Task, kind: FetchGrant['kind'], attempt: AttemptRow | undefined) {
    if (attempt === undefined || kind === 'pristine') return emptyPayload(task);
    const { store, artifacts } = this.#context;
    const api = {
      listCalls: (id: AttemptRow['id']) => store.listCalls(id),
      read: (digest: Parameters<typeof artifacts.read>[0]) => artifacts.read(digest),
    };
    return await gradePayload(task, attempt, { api });
  }

  async #graded(
    batch: LiveBatch,
    item: VerifyItem,
    podUid: string,
    verdict: Verdict,
  ): Promise<void> {
    const { store, keeper, clock } = this.#context;
    if (item.kind === 'gate') {
      const { taskDigest, gate } = item;
      const names = verdict.status === 'ok' ? verdict.checks.map(({ name }) => name) : null;
      return await keeper.gateRan(batch, { taskDigest, gate, status: verdict.status, names });
    }
    const { task, row: rollout } = batch.ofAttempt(item.attempt);
    const fetched = await store.getFetched(podUid);
    const row: VerificationRow = {
      attempt: item.attempt,
      kind: item.verification,
      status: verdict.status,
      message: plainText(verdict.message),
      checks: verdict.checks,
      flat: verdict.flat,
      native: verdict.native,
      seconds: verdict.seconds,
      grader: graderOf(fetched, plainText(verdict.python)),
      findings: [...ownFindings(task, verdict), ...(fetched?.findings ?? [])],
      createdAt: clock.now(),
    };
    await keeper.inTurn(rollout.id, () => keeper.verified(batch, row));
  }
}

function read(
  { text, problem }: VerdictBody,
  nonce: string,
): { readonly verdict: Verdict } | { readonly problem: string } {
  if (text !== undefined) return readVerdict(text, nonce);
  return { problem: lastLine(Buffer.from(problem ?? 'there is no verdict')) };
}

function ownFindings({ verifier, workspace }: Task, verdict: Verdict): readonly Finding[] {
  if (verifier === undefined) return [];
  const visibleAt = verifierVisibleAt(verifier, workspace.path);
  return verifierFindings(verifier, visibleAt, verdict.observed);
}

function kindOf(item: VerifyItem): FetchGrant['kind'] {
  return item.kind === 'gate' ? 'gate' : item.verification;
}

/** For people and logs; gates have no attempt. */
function attemptName(item: VerifyItem): string {
  return item.kind === 'gate' ? `gate/${item.taskDigest}/${item.gate}` : item.attempt;
}

/** The task without what grading does not need; the solution least of all. */
function gradedTask(task: Task): unknown {
  const {
    solution: _solution,
    rubric: _rubric,
    extra: _extra,
    provenance: _source,
    ...rest
  } = task;
  const { build: _build, ...environment } = rest.environment;
  return { ...rest, environment };
}
