import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import { zSha256 } from '../../protocol/fields.ts';
import {
  MAX_FILES_BODY,
  type PutFile,
  TRAINING_ROUTES,
  type TrainingClaim,
  zCheckpointBody,
  zProgressBody,
  zTrainingResultBody,
} from '../../protocol/training-pod-api.ts';
import { proveTrainer, type TrainerProofDeps } from '../identity/prove-trainer.ts';
import { readBody } from '../read-body.ts';
import { spliceBody } from '../sandbox/splice-body.ts';
import { rlPodRoutes } from './rl/pod-routes.ts';
import type { RlDesk } from './rl/rl-desk.ts';
import type { TrainerDesk } from './trainer-desk.ts';

export interface TrainerRoutesOptions extends TrainerProofDeps {
  readonly trainer: Pick<
    TrainerDesk,
    'claim' | 'read' | 'put' | 'progress' | 'checkpoint' | 'result'
  >;
  readonly rl: Pick<RlDesk, 'source'>;
  readonly storeFull: () => Promise<boolean>;
  /** Told of each request whose token was found to be good, before its body is read. */
  readonly proven: (request: FastifyRequest) => void;
}

const MAX_PUT_BYTES = 64 * 1024 ** 3;
const zDigest = z.object({ digest: zSha256 });

/** Routes of training pods, within the sandbox plugin's parsers and error handler. */
export function trainerRoutes(app: FastifyInstance, options: TrainerRoutesOptions): void {
  const { trainer, proven, storeFull } = options;
  const runs = new WeakMap<FastifyRequest, string>();
  /** Nothing of a body is read before it is known whose it is. */
  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const proof = await proveTrainer(request.headers.authorization, options);
    if ('decision' in proof) return void (await reply.code(409).send(proof));
    runs.set(request, proof.run);
    proven(request);
  };
  const runOf = (request: FastifyRequest): string => {
    const run = runs.get(request);
    if (run === undefined) throw new ClawError('Internal', 'a training pod without a proof');
    return run;
  };
  const large = { onRequest, bodyLimit: MAX_FILES_BODY };
  app.post(
    TRAINING_ROUTES.claim,
    { onRequest },
    (request): Promise<TrainingClaim> => trainer.claim(runOf(request)),
  );
  app.get(TRAINING_ROUTES.artifact, { onRequest }, async (request, reply) => {
    const { digest } = readBody(zDigest, request.params);
    const { size, stream } = await trainer.read(runOf(request), digest);
    const typed = reply.type('application/octet-stream').header('content-length', size);
    return await typed.send(stream);
  });
  app.put(TRAINING_ROUTES.put, { onRequest }, async (request, reply): Promise<PutFile> => {
    const run = runOf(request);
    if (await storeFull()) {
      throw new ClawError('StoreUnavailable', 'StoreFull: the store has no room for it now', {
        retryable: true,
      });
    }
    return await spliceBody(request, reply, MAX_PUT_BYTES, (body) => trainer.put(run, body));
  });
  app.post(TRAINING_ROUTES.progress, { onRequest }, async (request) => {
    await trainer.progress(runOf(request), readBody(zProgressBody, request.body));
    return {};
  });
  app.post(TRAINING_ROUTES.checkpoint, large, async (request) => {
    await trainer.checkpoint(runOf(request), readBody(zCheckpointBody, request.body));
    return {};
  });
  app.post(TRAINING_ROUTES.result, large, async (request) => {
    await trainer.result(runOf(request), readBody(zTrainingResultBody, request.body));
    return {};
  });
  rlPodRoutes(app, options.rl, runOf, { onRequest });
}
