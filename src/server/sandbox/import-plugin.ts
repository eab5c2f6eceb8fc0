import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ClawError } from '../../base/error.ts';
import { IMPORT_ROUTES, type ImportClaim, type Imported } from '../../protocol/import-api.ts';
import type { NoClaim } from '../../protocol/sandbox-api.ts';
import type { TaskSetImports } from '../coordinator/task-set-imports.ts';
import { type ImporterProofDeps, proveImporter } from '../identity/prove-importer.ts';
import { NO_ROOM } from './no-room.ts';
import { spliceBody } from './splice-body.ts';

export interface ImportPluginOptions extends Omit<ImporterProofDeps, 'imports'> {
  readonly imports: Pick<TaskSetImports, 'expected' | 'take' | 'maxBytes'>;
  readonly storeFull: () => Promise<boolean>;
  /** Told of each request whose token was found to be good, before its body is read. */
  readonly proven: (request: FastifyRequest) => void;
}

/**
 * The routes that pods call which read tasks from volumes (design: cluster.md 9), within the sandbox
 * plugin's parsers and error handler.
 */
export function importRoutes(app: FastifyInstance, options: ImportPluginOptions): void {
  const { imports, storeFull, proven } = options;
  const pods = new WeakMap<FastifyRequest, string>();
  app.post(IMPORT_ROUTES.claim, async (request, reply): Promise<ImportClaim | FastifyReply> => {
    const proof = await proveImporter(request.headers.authorization, options);
    if ('decision' in proof) return await no(reply, proof);
    proven(request);
    if (await storeFull()) return await no(reply, NO_ROOM);
    return { maxBytes: imports.maxBytes };
  });
  /** Nothing of the body is read before it is known whose it is. */
  const onRequest = async (request: FastifyRequest): Promise<void> => {
    const proof = await proveImporter(request.headers.authorization, options);
    // The server was started anew since the claim: the operator tells it again.
    if ('decision' in proof) {
      throw new ClawError('ServerUnavailable', proof.reason, { retryable: true });
    }
    pods.set(request, proof.podUid);
    proven(request);
    if (await storeFull()) {
      throw new ClawError('StoreUnavailable', NO_ROOM.reason, { retryable: true });
    }
  };
  app.put(IMPORT_ROUTES.taskSet, { onRequest }, async (request, reply): Promise<Imported> => {
    const podUid = pods.get(request);
    if (podUid === undefined) throw new ClawError('Internal', 'an import without a proof');
    return await spliceBody(request, reply, imports.maxBytes, (body) => imports.take(podUid, body));
  });
}

const no = async (reply: FastifyReply, why: NoClaim): Promise<FastifyReply> =>
  await reply.code(409).send(why);
