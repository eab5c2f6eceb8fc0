import { canonicalJson } from '../../base/canonical-json.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import { DEFAULT_GRADE_LIMITS } from '../../phases/grade-spec.ts';
import { maxArchiveBytes, maxUnpackedBytes } from '../../phases/snapshot-caps.ts';
import { verifierMounts, writableMounts } from '../../phases/verifier-places.ts';
import type { Shape } from '../../protocol/operator-api.ts';
import type { VerificationKind } from '../../store/records.ts';
import type { Task } from '../../tasks/task.ts';
import { agentDeadline, attemptLimits } from '../planning/attempt-limits.ts';
import type { BatchSettings } from '../planning/batch-settings.ts';
import type { BatchAgents } from './batch-agents.ts';

/** Room of the wrapper alone, for agents that are changes which `stage` makes. */
const WRAPPER_ONLY = { cpuMillis: 500, memoryMiB: 128 } as const;
/** Seconds of a grader beside its verifier: start, end of left-over processes. */
const GRADE_MARGIN_SECONDS = 60;
const MIB = 1024 * 1024;

/** A shape without what is the largest of all that share it. */
type ShapeBase = Omit<Shape, 'id' | 'deadlineSeconds'>;

/** Pod shapes of one batch, numbered by a digest of what they are (design: cluster.md 6). */
export class BatchShapes {
  readonly #byKey = new Map<string, Shape>();
  /** By task and what else decides: polls ask for thousands. */
  readonly #known = new Map<string, Shape>();
  readonly #settings: BatchSettings;
  readonly #agents: BatchAgents;

  /** Every task of the batch has to be given: deadlines of a shape are the longest of its tasks. */
  constructor(tasks: readonly Task[], settings: BatchSettings, agents: BatchAgents) {
    this.#settings = settings;
    this.#agents = agents;
    for (const task of tasks) {
      for (const memory of new Set(agents.bySample.map((agent) => agent.programMiB(task)))) {
        this.#add(this.#rolloutBase(task, memory), agentDeadline(task, settings));
      }
      for (const factor of [1, 2] as const) {
        this.#add(this.#verifyBase(task, factor), verifySeconds(task, factor));
      }
    }
  }

  ofRollout(task: Task, agentMiB: number): Shape {
    return this.#get(`${task.id} ${agentMiB}`, () => this.#rolloutBase(task, agentMiB));
  }

  ofVerification(task: Task, kind: VerificationKind | 'gate'): Shape {
    const factor = kind === 'doubled' ? 2 : 1;
    return this.#get(`${task.id} verify ${factor}`, () => this.#verifyBase(task, factor));
  }

  #add(base: ShapeBase, seconds: number): void {
    const key = canonicalJson(base);
    const known = this.#byKey.get(key);
    const deadlineSeconds = Math.max(seconds, known?.deadlineSeconds ?? 0);
    this.#byKey.set(key, { ...base, id: sha256(key).slice(0, 6), deadlineSeconds });
  }

  #get(name: string, base: () => ShapeBase): Shape {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const shape = this.#byKey.get(canonicalJson(base()));
    if (shape === undefined) throw new ClawError('Internal', `no shape was planned for ${name}`);
    this.#known.set(name, shape);
    return shape;
  }

  #rolloutBase(task: Task, agentMiB: number): ShapeBase {
    const limits = attemptLimits(task, this.#settings, agentMiB);
    const { cpuMillis, memoryMiB } = agentMiB === 0 ? WRAPPER_ONLY : limits;
    return {
      ...this.#common(task),
      phase: 'rollout',
      image: this.#agents.image,
      cpuMillis,
      memoryMiB,
      diskMiB: limits.diskMiB,
      verifierMounts: [],
      writableMounts: [],
    };
  }

  #verifyBase(task: Task, factor: 1 | 2): ShapeBase {
    const dialect = task.verifier?.dialect;
    return {
      ...this.#common(task),
      phase: 'verify',
      image: 'runner',
      cpuMillis: DEFAULT_GRADE_LIMITS.cpuMillis,
      memoryMiB: DEFAULT_GRADE_LIMITS.memoryMiB * factor,
      // The workspace as it was kept, and what the verifier may add to it.
      diskMiB: inMiB(maxUnpackedBytes(this.#settings.snapshot)) + DEFAULT_GRADE_LIMITS.fileMiB,
      verifierMounts: dialect === undefined ? [] : verifierMounts(dialect, task.workspace.path),
      writableMounts: dialect === undefined ? [] : writableMounts(dialect),
    };
  }

  #common(task: Task): Pick<Shape, 'workspacePath' | 'snapshotMiB' | 'gatewayLossSeconds'> {
    return {
      workspacePath: task.workspace.path,
      snapshotMiB: inMiB(maxArchiveBytes(this.#settings.snapshot)),
      gatewayLossSeconds: this.#settings.gatewayLossSeconds,
    };
  }
}

const inMiB = (bytes: number): number => Math.ceil(bytes / MIB);

function verifySeconds(task: Task, factor: 1 | 2): number {
  return task.timeouts.verifierSeconds * factor + GRADE_MARGIN_SECONDS;
}
