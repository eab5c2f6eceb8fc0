import { join } from 'node:path';
import type { Sha256 } from '../../base/brand.ts';
import { applyChanges } from '../../phases/apply-changes.ts';
import { fetchVerifier } from '../../phases/fetch.ts';
import { type GateName, gateChanges, proofGates } from '../../phases/gate-changes.ts';
import { grade } from '../../phases/grade.ts';
import { emptyPayload } from '../../phases/grade-payload.ts';
import type { ProcessSandbox } from '../../phases/process-sandbox.ts';
import { stage } from '../../phases/stage.ts';
import type { CodeVerifier, Task } from '../../tasks/task.ts';
import type { BlobSource } from '../../tasks/task-set.ts';
import type { RuntimeDir } from './runtime-dir.ts';

type CheckNames = readonly (readonly string[])[];

export interface GateNamesDeps {
  readonly sandbox: ProcessSandbox;
  readonly programsDir: string;
  readonly runtime: Pick<RuntimeDir, 'scratch' | 'discard'>;
  readonly signal: AbortSignal;
}

/**
 * The check names that a task's verifier prints without any agent: over the untouched inputs, over
 * lazy outputs and over the reference solution. A verifier that runs agent code must print one of these
 * lists, else something else printed it (design: rollouts.md 7). Graded once a task and engine; the
 * verifier is deterministic.
 */
export class GateNames {
  readonly #deps: GateNamesDeps;
  readonly #known = new Map<Sha256, Promise<CheckNames | undefined>>();

  constructor(deps: GateNamesDeps) {
    this.#deps = deps;
  }

  /** Undefined where the question does not arise, or where no gate run came to a verdict. */
  of(digest: Sha256, task: Task, blobs: BlobSource): Promise<CheckNames | undefined> {
    const { verifier } = task;
    const gates = proofGates(task);
    if (verifier === undefined || gates.length === 0) return Promise.resolve(undefined);
    const known = this.#known.get(digest) ?? this.#grade(task, verifier, gates, blobs);
    this.#known.set(digest, known);
    // A failure of the sandbox is no answer: the next one asks again.
    known.catch(() => this.#known.delete(digest));
    return known;
  }

  async #grade(
    task: Task,
    verifier: CodeVerifier,
    gates: readonly GateName[],
    blobs: BlobSource,
  ): Promise<CheckNames | undefined> {
    const names: string[][] = [];
    for (const gate of gates) {
      const changes = await gateChanges(task, gate, blobs);
      const scratch = await this.#deps.runtime.scratch('g');
      try {
        const scratchDir = join(scratch, 'workspace');
        await stage(task, blobs, scratchDir);
        await applyChanges(scratchDir, changes);
        const checks = await this.#checks(task, verifier, blobs, scratch);
        if (checks !== undefined) names.push(checks);
      } finally {
        this.#deps.runtime.discard(scratch);
      }
    }
    return names.length === 0 ? undefined : names;
  }

  async #checks(
    task: Task,
    verifier: CodeVerifier,
    blobs: BlobSource,
    scratch: string,
  ): Promise<string[] | undefined> {
    const verifierDir = join(scratch, 'verifier');
    await fetchVerifier(verifier, blobs, verifierDir);
    const result = await grade(
      {
        name: 'grade-gate',
        verifier,
        verifierDir,
        scratchDir: join(scratch, 'workspace'),
        workspacePath: task.workspace.path,
        payload: emptyPayload(task),
        timeoutSeconds: task.timeouts.verifierSeconds,
      },
      {
        sandbox: this.#deps.sandbox,
        programsDir: this.#deps.programsDir,
        tmpDir: scratch,
        signal: this.#deps.signal,
      },
    );
    return result.status === 'ok' ? result.checks.map((check) => check.name) : undefined;
  }
}
