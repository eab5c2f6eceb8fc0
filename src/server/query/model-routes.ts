import type { FastifyInstance, FastifyRequest } from 'fastify';
import { QUERY_ROUTES, zImportedModel } from '../../protocol/query-api.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ObjectRecords } from '../../store/object-records.ts';
import type { TrainingRecords } from '../../store/training-records.ts';
import { readModel } from '../../training/model-manifest.ts';
import { type KnownModel, listModels, recordImport } from '../../training/model-records.ts';
import { readBody } from '../read-body.ts';
import { spliceBody } from '../sandbox/splice-body.ts';
import { readTraining } from '../training/training-row.ts';
import type { QueryAccess } from './query-access.ts';

export interface ModelRoutesOptions {
  readonly access: Pick<QueryAccess, 'ofHolder'>;
  readonly artifacts: Pick<ArtifactStore, 'read' | 'size' | 'putStream'>;
  readonly models: ObjectRecords & Pick<TrainingRecords, 'listTrainings'>;
  readonly now: () => number;
}

const MAX_FILE_BYTES = 64 * 1024 ** 3;

/** Models that people bring and see: for the holder of the token Secret's bearer alone. */
export function modelRoutes(app: FastifyInstance, options: ModelRoutesOptions): void {
  const { access, artifacts, models, now } = options;
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) =>
    done(null, payload),
  );
  const onRequest = async (request: FastifyRequest): Promise<void> => access.ofHolder(request);
  app.put(QUERY_ROUTES.put, { onRequest }, (request, reply) =>
    spliceBody(request, reply, MAX_FILE_BYTES, (body) =>
      artifacts.putStream(body, { maxBytes: MAX_FILE_BYTES }),
    ),
  );
  app.post(QUERY_ROUTES.models, { onRequest }, async (request) => {
    const { digest, source } = readBody(zImportedModel, request.body);
    const manifest = await readModel(digest, artifacts);
    const files = manifest.files.map((file) => file.digest);
    await recordImport(models, { digest, source, now: now(), files });
    return {};
  });
  app.get(QUERY_ROUTES.models, { onRequest }, async () => {
    const known = [...(await listModels(models)), ...(await trained(models))];
    return { rows: known.toSorted((a, b) => a.at - b.at) };
  });
}

async function trained(
  models: Pick<TrainingRecords, 'listTrainings'>,
): Promise<readonly KnownModel[]> {
  const rows = await models.listTrainings();
  return rows.flatMap((row): readonly KnownModel[] => {
    const { end, endedAt = row.createdAt } = readTraining(row).data;
    if (end?.state !== 'complete') return [];
    const name = `${row.namespace}/${row.name}`;
    return [{ digest: end.model, from: { kind: 'run', name }, at: endedAt }];
  });
}
