import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ClawError } from '../base/error.ts';
import { terminalText } from '../base/plain-text.ts';
import { emptyPayload } from '../engines/local/grade-payload.ts';
import { copyWorkspace } from '../phases/copy-workspace.ts';
import { fetchVerifier } from '../phases/fetch.ts';
import { type GradeResult, grade } from '../phases/grade.ts';
import { ensureGradePrograms } from '../phases/grade-programs.ts';
import { removeScratch } from '../phases/remove-scratch.ts';
import { findChangedInputs, inputFindings, restoreInputs } from '../phases/restore-inputs.ts';
import { DEFAULT_SNAPSHOT_CAPS } from '../phases/snapshot-caps.ts';
import type { Finding } from '../rollouts/outcome.ts';
import type { Task } from '../tasks/task.ts';
import type { BlobSource } from '../tasks/task-set.ts';
import { rubricNotJudged } from '../verifiers/rubric-not-judged.ts';
import { combineScore } from '../verifiers/score.ts';
import { cliEnvironment } from './environment.ts';
import { loadTasks } from './load-tasks.ts';
import { openHostSandbox } from './local-host.ts';
import type { OutputFormat } from './output-format.ts';
import { stderrLogger } from './stderr-logger.ts';
import { stopSignal } from './stop-signal.ts';

export interface VerifyOptions {
  readonly tasks: string;
  readonly task: string;
  readonly workspace: string;
  readonly output: OutputFormat;
}

/** `clawgym verify`: grades a copy of a folder as a rollout's final workspace would be. */
export async function verifyCommand(options: VerifyOptions): Promise<void> {
  const write = (text: string): void => void process.stderr.write(text);
  const logger = stderrLogger(write);
  using stop = stopSignal(write);
  const request = { path: resolve(options.tasks), ids: [options.task], skipInvalid: true };
  await using tasks = await loadTasks(request, logger, stop.signal);
  const { set } = tasks;
  const task = set.tasks[0]?.task;
  if (task === undefined) {
    throw new ClawError('NotFound', `${options.tasks} has no task ${JSON.stringify(options.task)}`);
  }
  const environment = cliEnvironment();
  const { signal } = stop;
  await using sandbox = await openHostSandbox(environment, logger, signal);
  const { cacheDir } = environment;
  const programsDir = await ensureGradePrograms({ cacheDir, sandbox, signal });
  const scratch = await mkdtemp(join(tmpdir(), 'clawgym-verify-'));
  try {
    await chmod(scratch, 0o711);
    const { result, findings } = await gradeFolder(task, set.blobs, {
      folder: resolve(options.workspace),
      scratch,
      run: (request) => grade(request, { sandbox, programsDir, tmpDir: scratch, signal }),
    });
    process.stdout.write(print(task, result, findings, options.output));
    process.exitCode = result.status === 'ok' ? 0 : 1;
  } finally {
    await removeScratch(scratch);
  }
}

interface GradeFolder {
  readonly folder: string;
  readonly scratch: string;
  readonly run: (request: Parameters<typeof grade>[0]) => Promise<GradeResult>;
}

async function gradeFolder(
  task: Task,
  blobs: BlobSource,
  { folder, scratch, run }: GradeFolder,
): Promise<{ readonly result: GradeResult; readonly findings: readonly Finding[] }> {
  const { verifier } = task;
  if (verifier === undefined) {
    throw new ClawError(
      'UnsupportedTask',
      `task ${task.id} has no code verifier; its rubric needs a judge`,
    );
  }
  const scratchDir = join(scratch, 'workspace');
  const verifierDir = join(scratch, 'verifier');
  const skipped = await copyWorkspace(folder, scratchDir, DEFAULT_SNAPSHOT_CAPS);
  const changed = await findChangedInputs(scratchDir, task.workspace.inputs);
  await restoreInputs(scratchDir, changed, blobs);
  await fetchVerifier(verifier, blobs, verifierDir);
  const result = await run({
    name: 'verify',
    verifier,
    verifierDir,
    scratchDir,
    workspacePath: task.workspace.path,
    payload: emptyPayload(task),
    timeoutSeconds: task.timeouts.verifierSeconds,
  });
  return { result, findings: [...result.findings, ...skipped, ...inputFindings(changed)] };
}

function print(
  task: Task,
  result: GradeResult,
  found: readonly Finding[],
  output: OutputFormat,
): string {
  const { flat, native } = result;
  const code = flat === null || native === null ? undefined : { flat, native };
  const score = combineScore(code, undefined, task.weights);
  const findings = [...found, ...rubricNotJudged(task, score)];
  if (output === 'json') {
    const checks = Object.fromEntries(result.checks.map(({ name, value }) => [name, value]));
    const { status, message, seconds, python, root } = result;
    const body = {
      task: task.id,
      status,
      message,
      score,
      checks,
      findings,
      seconds,
      grader: { root, python },
    };
    return `${JSON.stringify(body, null, 2)}\n`;
  }
  const lines = [
    `${task.id}: ${result.status}${result.message === '' ? '' : ` (${result.message})`}`,
    `score ${score.final ?? '-'} (native ${native ?? '-'}, flat ${flat ?? '-'})`,
    ...result.checks.map(({ name, value }) => `  ${value}  ${name}`),
    ...findings.map(({ code: name, message }) => `finding ${name}: ${message}`),
  ];
  return terminalText(`${lines.join('\n')}\n`);
}
