import type { AttemptId, BatchId, Sha256 } from '../../base/brand.ts';
import type { Role } from '../../protocol/pod-contract.ts';
import type { PodEvidence } from '../../protocol/pod-evidence.ts';
import type {
  AttemptCounts,
  ClaimRow,
  ClusterStore,
  CountedJobRow,
  Fetched,
  GateRunRow,
  GradingEvidence,
  JobOverCause,
  JobRef,
  JobRow,
  NewJob,
  WorkItem,
  WorkRow,
} from '../cluster-records.ts';
import type { AttemptRow, BatchRow, VerificationRow } from '../records.ts';
import type { DigestCursor, DigestPage } from '../retention-records.ts';
import type { RlPolicyRow, RlRunRow, RlStepRow } from '../rl-records.ts';
import type { TrainingRow } from '../training-records.ts';
import { openBatches } from './batches.ts';
import {
  claimByCredential,
  claimByLink,
  claimOf,
  getModelLoss,
  putClaim,
  putModelLoss,
  revokeLinks,
} from './claims.ts';
import { addGateRun, listGateRuns } from './gate-runs.ts';
import { carriedItems, rowOf, rowsOf, settleItem, settleRow } from './job-rows.ts';
import { jobByName, jobByUid, jobOver, listJobs, newJob, setJobUid } from './jobs.ts';
import { objectNames, setObjectNames } from './object-names.ts';
import {
  attemptOfPod,
  attemptsOfBatch,
  countAttempts,
  renewAttempt,
  verificationsOfBatch,
} from './pod-attempts.ts';
import {
  getEvidence,
  getFetched,
  getPodReport,
  gradingEvidence,
  putEvidence,
  putFetched,
  putPodReport,
} from './pod-rows.ts';
import { addUpload, uploadsOf } from './pod-uploads.ts';
import {
  absences,
  batchesOf,
  namedDigests,
  namedModels,
  pinArtifact,
  removeRows,
  setAbsence,
} from './retention.ts';
import {
  freezeRlStep,
  getRl,
  getRlBatch,
  getRlPolicy,
  listRlSteps,
  planRl,
  putRlPolicy,
  setRlBatch,
  trainRlStep,
} from './rl-runs.ts';
import { SqliteStore } from './sqlite-store.ts';
import { sqliteSynthesisRuns } from './sqlite-synthesis-runs.ts';
import {
  addTrainingUpload,
  forgetTrainingUploads,
  getTraining,
  listTrainings,
  planTraining,
  removeTraining,
  saveTraining,
  setTrainingAbsence,
  trainingAbsences,
  trainingUploads,
} from './training.ts';

interface OfBatch {
  readonly undecided?: boolean;
}

/** The owner's store with the tables of a cluster's server. */
export class SqliteClusterStore extends SqliteStore implements ClusterStore {
  readonly synthesisRuns = sqliteSynthesisRuns({
    read: (work) => this.read(work),
    write: (work) => this.write(work),
  });

  newJob(job: NewJob, items: readonly WorkItem[]): Promise<CountedJobRow> {
    return this.write((db) => newJob(db, job, items));
  }

  setJobUid(job: JobRef, uid: string): Promise<void> {
    return this.write((db) => setJobUid(db, job, uid));
  }

  jobOver(job: JobRef, cause: JobOverCause): Promise<void> {
    return this.write((db) => jobOver(db, job, cause));
  }

  jobByName(job: JobRef): Promise<JobRow | undefined> {
    return this.read((db) => jobByName(db, job));
  }

  jobByUid(uid: string): Promise<JobRow | undefined> {
    return this.read((db) => jobByUid(db, uid));
  }

  listJobs(
    batch: BatchId,
    options: { readonly live?: boolean } = {},
  ): Promise<readonly CountedJobRow[]> {
    return this.read((db) => listJobs(db, batch, options.live));
  }

  rowsOf(job: JobRef): Promise<readonly WorkRow[]> {
    return this.read((db) => rowsOf(db, job));
  }

  rowOf(job: JobRef, index: number): Promise<WorkRow | undefined> {
    return this.read((db) => rowOf(db, job, index));
  }

  carriedItems(batch: BatchId): Promise<readonly WorkItem[]> {
    return this.read((db) => carriedItems(db, batch));
  }

  settleRow(job: JobRef, index: number): Promise<void> {
    return this.write((db) => settleRow(db, job, index));
  }

  settleItem(batch: BatchId, item: WorkItem): Promise<void> {
    return this.write((db) => settleItem(db, batch, item));
  }

  putEvidence(batch: BatchId, evidence: PodEvidence): Promise<PodEvidence> {
    return this.write((db) => putEvidence(db, batch, evidence));
  }

  getEvidence(podUid: string): Promise<PodEvidence | undefined> {
    return this.read((db) => getEvidence(db, podUid));
  }

  gradingEvidence(batch: BatchId): Promise<readonly GradingEvidence[]> {
    return this.read((db) => gradingEvidence(db, batch));
  }

  putClaim(claim: ClaimRow): Promise<ClaimRow> {
    return this.write((db) => putClaim(db, claim));
  }

  claimOf(podUid: string, role: Role): Promise<ClaimRow | undefined> {
    return this.read((db) => claimOf(db, podUid, role));
  }

  claimByCredential(credentialHash: Sha256): Promise<ClaimRow | undefined> {
    return this.read((db) => claimByCredential(db, credentialHash));
  }

  claimByLink(linkBearerHash: Sha256): Promise<ClaimRow | undefined> {
    return this.read((db) => claimByLink(db, linkBearerHash));
  }

  revokeLinks(attempt: AttemptId): Promise<void> {
    return this.write((db) => revokeLinks(db, attempt));
  }

  putModelLoss(attempt: AttemptId, reason: string): Promise<void> {
    return this.write((db) => putModelLoss(db, attempt, reason));
  }

  getModelLoss(attempt: AttemptId): Promise<string | undefined> {
    return this.read((db) => getModelLoss(db, attempt));
  }

  openBatches(): Promise<readonly BatchRow[]> {
    return this.read(openBatches);
  }

  attemptOfPod(podUid: string): Promise<AttemptRow | undefined> {
    return this.read((db) => attemptOfPod(db, podUid));
  }

  renewAttempt(id: AttemptId, nonce: string): Promise<AttemptRow> {
    return this.write((db) => renewAttempt(db, id, nonce));
  }

  attemptsOfBatch(batch: BatchId, options: OfBatch = {}): Promise<readonly AttemptRow[]> {
    return this.read((db) => attemptsOfBatch(db, batch, options.undecided ?? false));
  }

  verificationsOfBatch(batch: BatchId, options: OfBatch = {}): Promise<readonly VerificationRow[]> {
    return this.read((db) => verificationsOfBatch(db, batch, options.undecided ?? false));
  }

  countAttempts(batch: BatchId): Promise<AttemptCounts> {
    return this.read((db) => countAttempts(db, batch));
  }

  addGateRun(row: GateRunRow): Promise<GateRunRow> {
    return this.write((db) => addGateRun(db, row));
  }

  listGateRuns(namespace: string, taskDigest: Sha256): Promise<readonly GateRunRow[]> {
    return this.read((db) => listGateRuns(db, namespace, taskDigest));
  }

  putFetched(podUid: string, fetched: Fetched): Promise<void> {
    return this.write((db) => putFetched(db, podUid, fetched));
  }

  getFetched(podUid: string): Promise<Fetched | undefined> {
    return this.read((db) => getFetched(db, podUid));
  }

  addUpload(claim: Pick<ClaimRow, 'batch' | 'podUid'>, digest: Sha256): Promise<void> {
    return this.write((db) => addUpload(db, claim, digest));
  }

  uploadsOf(podUid: string): Promise<ReadonlySet<Sha256>> {
    return this.read((db) => uploadsOf(db, podUid));
  }

  putPodReport(podUid: string, text: string): Promise<void> {
    return this.write((db) => putPodReport(db, podUid, text));
  }

  getPodReport(podUid: string): Promise<string | undefined> {
    return this.read((db) => getPodReport(db, podUid));
  }

  absences(): Promise<ReadonlyMap<BatchId, number>> {
    return this.read((db) => absences(db));
  }

  setAbsence(batch: BatchId, since: number | undefined): Promise<void> {
    return this.write((db) => setAbsence(db, batch, since));
  }

  objectNames(): Promise<ReadonlyMap<Sha256, number | undefined>> {
    return this.read((db) => objectNames(db));
  }

  setObjectNames(changes: ReadonlyMap<Sha256, number | undefined | 'forgotten'>): Promise<void> {
    return this.write((db) => setObjectNames(db, changes));
  }

  pinArtifact(batch: BatchId, digest: Sha256): Promise<void> {
    return this.write((db) => pinArtifact(db, batch, digest));
  }

  batchesOf(digest: Sha256): Promise<readonly BatchId[]> {
    return this.read((db) => batchesOf(db, digest));
  }

  removeRows(batch: BatchId, most: number): Promise<{ removed: number; gone: boolean }> {
    return this.write((db) => removeRows(db, batch, most));
  }

  namedModels(): Promise<readonly Sha256[]> {
    return this.read((db) => namedModels(db));
  }

  namedDigests(after?: DigestCursor): Promise<DigestPage> {
    return this.read((db) => namedDigests(db, after));
  }

  planRl(row: RlRunRow): Promise<void> {
    return this.write((db) => planRl(db, row));
  }

  getRl(run: string): Promise<RlRunRow | undefined> {
    return this.read((db) => getRl(db, run));
  }

  setRlBatch(run: string, name: string, batch: BatchId): Promise<void> {
    return this.write((db) => setRlBatch(db, run, name, batch));
  }

  getRlBatch(run: string, name: string): Promise<BatchId | undefined> {
    return this.read((db) => getRlBatch(db, run, name));
  }

  freezeRlStep(run: string, step: number, frozen: string): Promise<void> {
    return this.write((db) => freezeRlStep(db, run, step, frozen));
  }

  trainRlStep(run: string, step: number, trained: string): Promise<void> {
    return this.write((db) => trainRlStep(db, run, step, trained));
  }

  listRlSteps(run: string): Promise<readonly RlStepRow[]> {
    return this.read((db) => listRlSteps(db, run));
  }

  putRlPolicy(run: string, policy: RlPolicyRow): Promise<void> {
    return this.write((db) => putRlPolicy(db, run, policy));
  }

  getRlPolicy(run: string, version: number): Promise<RlPolicyRow | undefined> {
    return this.read((db) => getRlPolicy(db, run, version));
  }

  planTraining(row: TrainingRow): Promise<TrainingRow> {
    return this.write((db) => planTraining(db, row));
  }

  getTraining(uid: string): Promise<TrainingRow | undefined> {
    return this.read((db) => getTraining(db, uid));
  }

  listTrainings(): Promise<readonly TrainingRow[]> {
    return this.read(listTrainings);
  }

  saveTraining(uid: string, data: string): Promise<void> {
    return this.write((db) => saveTraining(db, uid, data));
  }

  addTrainingUpload(run: string, digest: Sha256): Promise<void> {
    return this.write((db) => addTrainingUpload(db, run, digest));
  }

  trainingUploads(run: string): Promise<ReadonlySet<Sha256>> {
    return this.read((db) => trainingUploads(db, run));
  }

  forgetTrainingUploads(run: string, digests: readonly Sha256[]): Promise<void> {
    return this.write((db) => forgetTrainingUploads(db, run, digests));
  }

  trainingAbsences(): Promise<ReadonlyMap<string, number>> {
    return this.read((db) => trainingAbsences(db));
  }

  setTrainingAbsence(uid: string, since: number | undefined): Promise<void> {
    return this.write((db) => setTrainingAbsence(db, uid, since));
  }

  removeTraining(uid: string, most: number): Promise<{ removed: number; gone: boolean }> {
    return this.write((db) => removeTraining(db, uid, most));
  }
}
