import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ClawError } from '../base/error.ts';
import { terminalText } from '../base/plain-text.ts';
import { ensureGradePrograms } from '../phases/grade-programs.ts';
import { removeScratch } from '../phases/remove-scratch.ts';
import { letOwnerEnter } from '../phases/scratch-folder.ts';
import type { Task } from '../tasks/task.ts';
import { rubricNotJudged } from '../verifiers/rubric-not-judged.ts';
import { combineScore } from '../verifiers/score.ts';
import { cliEnvironment } from './environment.ts';
import { loadTasks } from './load-tasks.ts';
import { openHostSandbox } from './local-host.ts';
import type { OutputFormat } from './output-format.ts';
import { stderrLogger } from './stderr-logger.ts';
import { stopSignal } from './stop-signal.ts';
import { type FolderVerdict, verifyFolder } from './verify-folder.ts';

export interface VerifyOptions {
  readonly tasks: string;
  readonly task: string;
  readonly workspace: string;
  readonly output: OutputFormat;
}

/** `clawgym verify`: grades a copy of a folder as a rollout's final workspace would be (verify-folder.ts). */
export async function verifyCommand(options: VerifyOptions): Promise<void> {
  const write = (text: string): void => void process.stderr.write(text);
  const logger = stderrLogger(write);
  using stop = stopSignal(write);
  const request = { path: resolve(options.tasks), ids: [options.task], skipInvalid: true };
  await using tasks = await loadTasks(request, logger, stop.signal);
  const { set } = tasks;
  const entry = set.tasks[0];
  if (entry === undefined) {
    throw new ClawError('NotFound', `${options.tasks} has no task ${JSON.stringify(options.task)}`);
  }
  const { task } = entry;
  const environment = cliEnvironment();
  const { signal } = stop;
  await using sandbox = await openHostSandbox(environment, logger, signal);
  const { cacheDir } = environment;
  const programsDir = await ensureGradePrograms({ cacheDir, sandbox, signal });
  const scratch = await mkdtemp(join(tmpdir(), 'clawgym-verify-'));
  try {
    letOwnerEnter(scratch, sandbox.owner);
    const verdict = await verifyFolder(
      { task, digest: entry.digest, blobs: set.blobs, folder: resolve(options.workspace) },
      { sandbox, programsDir, scratch, signal },
    );
    process.stdout.write(print(task, verdict, options.output));
    process.exitCode = verdict.result.status === 'ok' ? 0 : 1;
  } finally {
    await removeScratch(scratch);
  }
}

function print(task: Task, verdict: FolderVerdict, output: OutputFormat): string {
  const { result, code } = verdict;
  const score = combineScore(code, undefined, task.weights);
  const findings = [...verdict.findings, ...rubricNotJudged(task, score)];
  if (output === 'json') {
    const checks = Object.fromEntries(verdict.checks.map(({ name, value }) => [name, value]));
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
    `score ${score.final ?? '-'} (native ${code?.native ?? '-'}, flat ${code?.flat ?? '-'})`,
    ...verdict.checks.map(({ name, value }) => `  ${value}  ${name}`),
    ...findings.map(({ code: name, message }) => `finding ${name}: ${message}`),
  ];
  return terminalText(`${lines.join('\n')}\n`);
}
