import { ClawError } from '../../../src/base/error.ts';
import type { ClawGymServer } from '../../../src/protocol/claw-gym-server.ts';
import { BATCH_DELETED } from '../../../src/protocol/operator-api.ts';
import type { ReconcileContext } from '../../kube/controller/reconcile.ts';
import type { ObjectKey } from '../../kube/objects/object-key.ts';
import type { DepartedBatches } from './departed.ts';

/**
 * Batches that were deleted: their children are the garbage collector's, the server is told.
 *
 * @param forget Told of each uid: nothing of it matters any more.
 * @returns Milliseconds until the server is to be told again; undefined where it knows.
 */
export async function farewell(
  { departed, server }: { departed: DepartedBatches; server: Pick<ClawGymServer, 'cancel'> },
  key: ObjectKey,
  forget: (uid: string) => void,
  { signal, logger }: Pick<ReconcileContext, 'signal' | 'logger'>,
): Promise<number | undefined> {
  for (const batch of departed.take(key)) {
    const { uid } = batch;
    forget(uid);
    try {
      await server.cancel(uid, BATCH_DELETED, { signal });
    } catch (error) {
      // Its pods go all the same; their claims end with them.
      logger.warn({ error, uid }, 'the server was not told of a deleted batch');
      if (!isRefusal(error)) departed.putBack(key, batch);
    }
  }
  return departed.waitMs(key);
}

/** The server's own no, for example to a batch that was never planned. */
function isRefusal(thrown: unknown): boolean {
  return thrown instanceof ClawError && !thrown.retryable && thrown.code !== 'Internal';
}
