import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parseJson } from '../../base/brand.ts';
import { type KnownSynthesis, OVERVIEW_PAGE, QUERY_ROUTES } from '../../protocol/query-api.ts';
import { zSynthesisState } from '../../protocol/synthesis-server.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import type { SynthesisRunRow } from '../../store/synthesis-runs.ts';
import { readRecord } from '../../synthesis/record.ts';
import { type RecordOverview, recordOverview } from '../../synthesis/record-overview.ts';
import { readBody } from '../read-body.ts';
import type { QueryAccess } from './query-access.ts';

export interface SynthesisRoutesOptions {
  readonly access: Pick<QueryAccess, 'ofNamespace' | 'visible' | 'handsOut'>;
  readonly store: Pick<
    ClusterStore,
    'getSynthesis' | 'getSynthesisCall' | 'listRecordCalls' | 'synthesisRuns'
  >;
}

/** Rows hold whole tasks: so many are read before other requests have their turn. */
const STEP = 50;

const zId = z.object({ id: z.string().max(1024) });
const zPage = z.object({
  synthesis: z.string().max(256),
  after: z.coerce.number().int().min(0).default(0),
});
const zOne = z.object({ synthesis: z.string().max(256), number: z.coerce.number().int().min(1) });

/** What SynthesisJobs made, for who may read the batches of their namespaces. */
export function synthesisRoutes(
  app: FastifyInstance,
  { access, store }: SynthesisRoutesOptions,
): void {
  const { synthesisRuns: runs } = store;
  const known = async (run: SynthesisRunRow): Promise<KnownSynthesis> => {
    const createdAt = (await store.getSynthesis(run.job))?.createdAt ?? 0;
    return { ...knownRun(run), createdAt };
  };
  app.get(QUERY_ROUTES.syntheses, async (request) => {
    const all = await runs.listSynthesisRuns();
    const seen = await access.visible(request, all, ({ namespace }) => namespace);
    return { rows: await Promise.all(seen.map(known)) };
  });
  app.get(QUERY_ROUTES.synthesis, async (request) => {
    const { id } = readBody(zId, request.query);
    const run = await admitted(request, id, { access, store });
    if (run === undefined) return { row: null };
    const row = await known(run);
    if (row.taskSet !== undefined) access.handsOut(request, [row.taskSet]);
    return { row };
  });
  recordRoutes(app, { access, store });
}

function recordRoutes(app: FastifyInstance, { access, store }: SynthesisRoutesOptions): void {
  const { synthesisRuns: runs } = store;
  app.get(QUERY_ROUTES.synthesisRecords, async (request) => {
    const { synthesis, after } = readBody(zPage, request.query);
    await admitted(request, synthesis, { access, store });
    return { rows: await overviews(runs, synthesis, after) };
  });
  const recordOf = async (request: FastifyRequest) => {
    const { synthesis, number } = readBody(zOne, request.query);
    await admitted(request, synthesis, { access, store });
    return { synthesis, number };
  };
  app.get(QUERY_ROUTES.synthesisRecord, async (request) => {
    const { synthesis, number } = await recordOf(request);
    return { row: (await runs.getSynthesisRecord(synthesis, number)) ?? null };
  });
  app.get(QUERY_ROUTES.synthesisCalls, async (request) => {
    const { synthesis, number } = await recordOf(request);
    const rows = await store.listRecordCalls(synthesis, number);
    const bodies = rows.flatMap((row) => [row.request, row.response]);
    access.handsOut(request, bodies);
    return { rows };
  });
  app.get(QUERY_ROUTES.synthesisCall, async (request) => {
    const call = await store.getSynthesisCall(readBody(zId, request.query).id);
    if (call === undefined) return { row: null };
    const run = await runs.getSynthesisRun(call.job);
    await access.ofNamespace(request, run?.namespace, `call ${call.callId}`);
    access.handsOut(request, [call.request, call.response]);
    return { row: call };
  });
}

/** The job, where the request may read its namespace; undefined where there is none. */
async function admitted(
  request: FastifyRequest,
  job: string,
  { access, store }: SynthesisRoutesOptions,
): Promise<SynthesisRunRow | undefined> {
  const run = await store.synthesisRuns.getSynthesisRun(job);
  if (run !== undefined) await access.ofNamespace(request, run.namespace, `SynthesisJob ${job}`);
  return run;
}

async function overviews(
  runs: ClusterStore['synthesisRuns'],
  synthesis: string,
  after: number,
): Promise<readonly RecordOverview[]> {
  const found: RecordOverview[] = [];
  while (found.length < OVERVIEW_PAGE) {
    const from = found.at(-1)?.number ?? after;
    const rows = await runs.pageSynthesisRecords(synthesis, from, STEP);
    found.push(...rows.map((row) => recordOverview(readRecord(row))));
    if (rows.length < STEP) break;
    await new Promise(setImmediate);
  }
  return found;
}

const zResult = zSynthesisState.shape.result.unwrap();

function knownRun({ job, namespace, name, result, cancelled }: SynthesisRunRow) {
  const { taskSet } = result === undefined ? {} : zResult.parse(parseJson(result));
  const ended = result !== undefined || cancelled !== undefined;
  return { ...{ id: job, namespace, name, ended }, ...(taskSet !== undefined && { taskSet }) };
}
