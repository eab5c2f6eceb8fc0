import { ClawError } from '../../../src/base/error.ts';
import type { ClawGymServer } from '../../../src/protocol/claw-gym-server.ts';
import type { Line, RunRows } from '../../../src/rollouts/gates/verdict.ts';
import { keyOf, keyText, type ObjectKey } from '../../kube/objects/object-key.ts';
import type { ClawTask } from '../shared/kinds.ts';
import { isOver } from '../shared/life.ts';
import { placeOf } from '../shared/place.ts';
import { type FrozenTask, type RunState, runVerdict } from './plan.ts';

interface Known {
  readonly uid: string | undefined;
  readonly generation: number | undefined;
  readonly frozen: FrozenTask;
  /** Rows of ended batches, by uid: they never change again. */
  readonly rows: Map<string, readonly Line[]>;
}

/**
 * What the server knows of tasks and their gate runs. What is remembered only spares questions: each of
 * them may be asked again at any time.
 */
export class GateFacts {
  readonly #server: Pick<ClawGymServer, 'taskSet' | 'rollouts'>;
  readonly #known = new Map<string, Known>();

  constructor(server: Pick<ClawGymServer, 'taskSet' | 'rollouts'>) {
    this.#server = server;
  }

  /** Stores the task as a set of its own and takes the findings of the static gate. */
  async freeze(task: ClawTask, signal: AbortSignal): Promise<FrozenTask> {
    const key = keyText(keyOf(task));
    const { uid, generation, name } = task.metadata;
    const last = this.#known.get(key);
    const known = last?.uid === uid ? last : undefined;
    if (known !== undefined && known.generation === generation) return known.frozen;
    // What has no part in the task has none in its digest.
    const { suspend: _steering, ...spec } = task.spec;
    const source = { kind: 'tasks', tasks: [{ name, task: spec }] } as const;
    const answer = await this.#server.taskSet({ ...source, tasks: [...source.tasks] }, { signal });
    const [facts] = answer.tasks;
    if (facts === undefined)
      throw new ClawError(
        'InvalidTask',
        `ClawTask ${key}: the server stored a task set without it`,
      );
    const frozen = { taskSet: answer.digest, facts };
    const rows = known?.rows ?? new Map<string, readonly Line[]>();
    this.#known.set(key, { uid, generation, frozen, rows });
    return frozen;
  }

  /** The rows of a run in sample order, or what is to be said while there are none. */
  async rows(task: ClawTask, run: RunState, signal: AbortSignal): Promise<RunRows> {
    const { batch } = run;
    const verdict = runVerdict(run, task.spec.suspend);
    const uid = batch?.metadata.uid;
    if (
      batch === undefined ||
      uid === undefined ||
      !isOver(batch) ||
      verdict.reason === 'RunFailed'
    )
      return { kind: 'waiting', verdict };
    const remembered = this.#known.get(keyText(keyOf(task)))?.rows;
    const rows = remembered?.get(uid) ?? (await this.#ask(uid, signal));
    remembered?.set(uid, rows);
    return { kind: 'rows', rows, place: placeOf(batch) };
  }

  forget(key: ObjectKey): void {
    this.#known.delete(keyText(key));
  }

  async #ask(uid: string, signal: AbortSignal): Promise<readonly Line[]> {
    const lines = await this.#server.rollouts(uid, { signal });
    return lines.toSorted((one, other) => one.sample - other.sample);
  }
}
