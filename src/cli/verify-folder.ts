import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sha256 } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import { GateNames } from '../engines/local/gate-names.ts';
import { copyWorkspace } from '../phases/copy-workspace.ts';
import { correctWorkspace, fetchVerifier } from '../phases/fetch.ts';
import { type GradeResult, grade } from '../phases/grade.ts';
import { emptyPayload } from '../phases/grade-payload.ts';
import { gradeRequest } from '../phases/grade-request.ts';
import type { ProcessSandbox } from '../phases/process-sandbox.ts';
import { DEFAULT_SNAPSHOT_CAPS } from '../phases/snapshot-caps.ts';
import { stage } from '../phases/stage.ts';
import { nextVerification, type VerificationStep } from '../rollouts/next-verification.ts';
import type { Check, Finding } from '../rollouts/outcome.ts';
import { imageRefusal } from '../server/planning/plan-rollouts.ts';
import type { VerificationKind } from '../store/records.ts';
import type { CodeVerifier, Task } from '../tasks/task.ts';
import type { BlobSource } from '../tasks/task-set.ts';

export interface VerifyRequest {
  readonly task: Task;
  readonly digest: Sha256;
  readonly blobs: BlobSource;
  /** Graded as a copy; never changed. */
  readonly folder: string;
}

export interface VerifyDeps {
  readonly sandbox: ProcessSandbox;
  readonly programsDir: string;
  /** The caller's, which removes it; sandboxes can enter it. */
  readonly scratch: string;
  readonly signal: AbortSignal;
}

/** What a rollout that left this folder would get. */
export interface FolderVerdict {
  /** How the verifier itself ended on the folder: its last run, where it had to run twice. */
  readonly result: GradeResult;
  /** Undefined where the verifier fails on the task's untouched inputs too. */
  readonly code: { readonly flat: number; readonly native: number } | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

type Graded = GradeResult & { readonly kind: VerificationKind };

/**
 * Grades a folder by the steps and verdict rules of a rollout (design: rollouts.md 7). What has no
 * place here: the transcript, which a folder does not have, and the score of the workspace as left.
 */
export async function verifyFolder(
  request: VerifyRequest,
  deps: VerifyDeps,
): Promise<FolderVerdict> {
  const verifier = gradableVerifier(request.task);
  const gates = new GateNames({ ...deps, runtime: gateScratch(deps.scratch) });
  const rows: Graded[] = [];
  for (;;) {
    // A result that pays nothing needs no proof of where it came from.
    const pays = rows.some(({ flat, native }) => (flat ?? 0) > 0 || (native ?? 0) > 0);
    const step = nextVerification(rows, {
      snapshot: 'present',
      refusal: '',
      protectedInputChanged: false,
      agentCode: verifier.agentCode,
      knownCheckNames: pays
        ? await gates.of(request.digest, request.task, request.blobs)
        : undefined,
    });
    if (step.do !== 'run') return verdict(step, rows);
    rows.push(await gradeOnce(request, verifier, step.kind, deps));
  }
}

function gradableVerifier(task: Task): CodeVerifier {
  const refusal = imageRefusal(task);
  if (refusal !== undefined) {
    throw new ClawError('UnsupportedTask', `${refusal.message} (${refusal.reason})`);
  }
  if (task.verifier !== undefined) return task.verifier;
  throw new ClawError(
    'UnsupportedTask',
    `task ${task.id} has no code verifier; its rubric needs a judge`,
  );
}

/** Folders of the gate runs; they go with the whole scratch. */
function gateScratch(scratch: string) {
  let next = 0;
  return {
    scratch: async (label: string): Promise<string> => {
      next += 1;
      return await makeFolder(join(scratch, `${label}-${next}`));
    },
    discard: (): void => undefined,
  };
}

async function makeFolder(path: string): Promise<string> {
  await mkdir(path);
  await chmod(path, 0o711);
  return path;
}

async function gradeOnce(
  { task, blobs, folder }: VerifyRequest,
  verifier: CodeVerifier,
  kind: VerificationKind,
  { sandbox, programsDir, scratch, signal }: VerifyDeps,
): Promise<Graded> {
  const tmpDir = await makeFolder(join(scratch, kind));
  const scratchDir = join(tmpDir, 'workspace');
  const verifierDir = join(tmpDir, 'verifier');
  const found: Finding[] = [];
  if (kind === 'pristine') await stage(task, blobs, scratchDir);
  else {
    found.push(...(await copyWorkspace(folder, scratchDir, DEFAULT_SNAPSHOT_CAPS)));
    found.push(...(await correctWorkspace(task, scratchDir, blobs)));
  }
  await fetchVerifier(verifier, blobs, verifierDir);
  const folders = { scratchDir, verifierDir, payload: emptyPayload(task) };
  const result = await grade(gradeRequest(task, verifier, kind, folders), {
    sandbox,
    programsDir,
    tmpDir,
    signal,
  });
  return { ...result, kind, findings: [...result.findings, ...found] };
}

function verdict(
  step: Exclude<VerificationStep, { do: 'run' }>,
  rows: readonly Graded[],
): FolderVerdict {
  const result = rows.findLast(({ kind }) => kind !== 'pristine');
  if (result === undefined) throw new ClawError('Internal', 'a verdict without a verification');
  const { findings } = step;
  if (step.do === 'verifierError') {
    return { result: { ...result, message: step.message }, code: undefined, checks: [], findings };
  }
  return { result, code: step.code, checks: step.checks, findings };
}
