import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AttemptId, Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import { zSha256 } from '../../protocol/fields.ts';
import { ROLES } from '../../protocol/pod-contract.ts';
import {
  type AttemptEndBody,
  SANDBOX_ROUTES,
  zAttemptEndBody,
  zFetchedBody,
  zVerdictBody,
} from '../../protocol/sandbox-api.ts';
import { knownFindings } from '../../rollouts/known-findings.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ClaimRow, ClusterRecords } from '../../store/cluster-records.ts';
import { MAX_VERDICT_BYTES } from '../../verifiers/verdict.ts';
import { errorHandler } from '../error-reply.ts';
import { refuse } from '../identity/refusal.ts';
import { synthesisWorkerRoutes, type WorkerRoutesOptions } from '../synthesis/worker-routes.ts';
import { type TrainerRoutesOptions, trainerRoutes } from '../training/trainer-routes.ts';
import type { ClaimDesk } from './claim-desk.ts';
import type { ClaimOffice } from './claim-office.ts';
import { type ImportPluginOptions, importRoutes } from './import-plugin.ts';
import { type PolicyPluginOptions, policyRoutes } from './policy-plugin.ts';
import { spliceBody } from './splice-body.ts';
import { UploadAllowance } from './upload-allowance.ts';
import { Writers } from './writers.ts';

export interface SandboxPluginOptions {
  readonly office: ClaimOffice;
  readonly desk: Pick<ClaimDesk, 'end' | 'fetched' | 'verdict'>;
  readonly artifacts: Pick<ArtifactStore, 'size' | 'stream' | 'putStream'>;
  readonly records: Pick<ClusterRecords, 'jobByName' | 'addUpload' | 'uploadsOf'>;
  /** Revokes the attempt's model link and stops its calls; see `EndModel`. */
  readonly endModel: EndModel;
  /** Told of each request whose token or credential was found to be good, before its body is read. */
  readonly proven: (request: FastifyRequest) => void;
  /** Pods that read tasks from volumes. */
  readonly importing: Omit<ImportPluginOptions, 'proven'>;
  /** Pods that serve models of ours. */
  readonly serving: Omit<PolicyPluginOptions, 'proven'>;
  /** Pods that train. */
  readonly training: Omit<TrainerRoutesOptions, 'proven'>;
  /** Workers of SynthesisJobs. */
  readonly synthesis: Omit<WorkerRoutesOptions, 'proven'>;
  readonly logger: Logger;
}

/** @param cutSeconds how long the agent ran, where its deadline ended it */
export type EndModel = (attempt: AttemptId, cutSeconds?: number) => Promise<void>;

const MIB = 1024 * 1024;
/** The kept ends of an output go up by themselves, also beside the smallest workspace. */
const OUTPUT_MIB = 2;
/** A list of findings may name thousands of paths. */
const MAX_FINDINGS_BYTES = 16 * MIB;
/** JSON writes a control character with six. */
const MAX_VERDICT_BODY = 6 * MAX_VERDICT_BYTES + 64 * 1024;

const zRole = z.object({ role: z.enum(ROLES) });
const zDigest = z.object({ digest: zSha256 });

/** The routes that trusted containers of sandbox pods call (design: cluster.md 3). */
export async function sandboxPlugin(
  app: FastifyInstance,
  options: SandboxPluginOptions,
): Promise<void> {
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) =>
    done(null, payload),
  );
  app.setErrorHandler(errorHandler(options.logger));
  app.setNotFoundHandler(() => {
    throw new ClawError('NotFound', 'this listener serves claims, artifacts and the model gateway');
  });
  const { office } = options;
  const writers = new Writers(options);
  app.post(SANDBOX_ROUTES.claim, async (request, reply) => {
    const { role } = read(zRole, request.params);
    const answer = await office.claim(role, request.headers.authorization);
    if ('none' in answer) return await reply.code(409).send(answer.none);
    options.proven(request);
    return answer.claim;
  });
  app.get(SANDBOX_ROUTES.artifact, (request, reply) => sendArtifact(request, reply, options));
  const uploads = new UploadAllowance();
  app.put(SANDBOX_ROUTES.put, writers.only('companion'), (request, reply) =>
    takeArtifact(request, reply, { ...options, claim: writers.claimOf(request), uploads }),
  );
  const findings = { bodyLimit: MAX_FINDINGS_BYTES };
  app.post(SANDBOX_ROUTES.end, writers.only('companion', findings), async (request) => {
    await endAttempt(writers.claimOf(request), read(zAttemptEndBody, request.body), options);
    return {};
  });
  app.post(SANDBOX_ROUTES.fetched, writers.only('fetch', findings), async (request) => {
    const claim = writers.claimOf(request);
    const { findings: found, graderRoot } = read(zFetchedBody, request.body);
    const fetched = { findings: knownFindings(found), graderRoot };
    await office.inTurn(claim.podUid, () => options.desk.fetched(claim, fetched));
    return {};
  });
  const verdict = { bodyLimit: MAX_VERDICT_BODY };
  app.post(SANDBOX_ROUTES.verdict, writers.only('report', verdict), async (request) => {
    const claim = writers.claimOf(request);
    const body = read(zVerdictBody, request.body);
    await office.inTurn(claim.podUid, () => options.desk.verdict(claim, body));
    return {};
  });
  importRoutes(app, { ...options.importing, proven: options.proven });
  policyRoutes(app, { ...options.serving, proven: options.proven });
  trainerRoutes(app, { ...options.training, proven: options.proven });
  synthesisWorkerRoutes(app, { ...options.synthesis, proven: options.proven });
}

async function sendArtifact(
  request: FastifyRequest,
  reply: FastifyReply,
  { office, artifacts, proven }: SandboxPluginOptions,
): Promise<FastifyReply> {
  const { digest } = read(zDigest, request.params);
  const claim = await office.authenticate(request.headers.authorization, ['stage', 'fetch']);
  proven(request);
  if (!claim.reads.includes(digest)) throw refuse('NotNamed', digest);
  const size = await artifacts.size(digest);
  if (size === undefined) throw new ClawError('NotFound', `no artifact ${digest} in this store`);
  return await reply
    .type('application/octet-stream')
    .header('content-length', size)
    .send(await artifacts.stream(digest));
}

async function takeArtifact(
  request: FastifyRequest,
  reply: FastifyReply,
  {
    artifacts,
    records,
    claim,
    uploads,
  }: Pick<SandboxPluginOptions, 'artifacts' | 'records'> & {
    readonly claim: ClaimRow;
    readonly uploads: UploadAllowance;
  },
): Promise<{ readonly digest: Sha256; readonly size: number }> {
  const job = await records.jobByName({ batch: claim.batch, name: claim.job });
  const snapshotMiB = job?.shape.snapshotMiB ?? 0;
  const maxBytes = Math.max(snapshotMiB, OUTPUT_MIB) * MIB;
  const told = Number(request.headers['content-length'] ?? maxBytes);
  // A length beyond the bound of one upload is refused as that.
  const asked = Number.isFinite(told) ? Math.min(told, maxBytes) : maxBytes;
  const wholeEnd = (snapshotMiB + 2 * OUTPUT_MIB) * MIB;
  reply.header('connection', 'close');
  const stored = await uploads.within(claim.podUid, { asked, wholeEnd }, () =>
    spliceBody(request, reply, maxBytes, (body) => artifacts.putStream(body, { maxBytes })),
  );
  reply.removeHeader('connection');
  await records.addUpload(claim, stored.digest);
  return stored;
}

async function endAttempt(
  claim: ClaimRow,
  body: AttemptEndBody,
  { office, desk, records, endModel }: SandboxPluginOptions,
): Promise<void> {
  await refuseForeign(claim, body, records);
  await office.inTurn(claim.podUid, async () => {
    // First, so that the desk finds every call of the agent in the records.
    if (claim.attempt !== undefined) await endModel(claim.attempt, cutSeconds(body));
    await desk.end(claim, body);
  });
}

/**
 * The store is everybody's: what an end names is shown, graded and kept as this attempt's own, so it must
 * be what this pod put, though others may have put the same bytes.
 */
async function refuseForeign(
  { podUid }: ClaimRow,
  { snapshot, stdout, stderr }: AttemptEndBody,
  records: Pick<ClusterRecords, 'uploadsOf'>,
): Promise<void> {
  const uploads = await records.uploadsOf(podUid);
  for (const digest of [snapshot, stdout, stderr]) {
    if (digest === undefined || uploads.has(digest)) continue;
    const message = `the end names artifact ${digest}, which this pod never put`;
    throw new ClawError('InvalidInput', message, { details: { reason: 'NotPut' } });
  }
}

function cutSeconds({ agent }: AttemptEndBody): number | undefined {
  return agent?.reason === 'Deadline' ? agent.seconds : undefined;
}

function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join('.') || 'body';
  throw new ClawError('InvalidInput', `${place}: ${issue?.message ?? 'unexpected form'}`);
}
