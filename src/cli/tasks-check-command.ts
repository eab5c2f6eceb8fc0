import { ClawError } from '../base/error.ts';
import { terminalText } from '../base/plain-text.ts';
import { table } from '../base/table.ts';
import type { HostedSandbox } from '../engines/local/sandbox/host-client.ts';
import { pythonSyntaxIn } from '../phases/python-syntax.ts';
import { checkTask, type GateFinding } from '../tasks/gate/check-task.ts';
import type { SourceFormat } from '../tasks/import/importer.ts';
import { cliEnvironment } from './environment.ts';
import { openHostSandbox } from './local-host.ts';
import { stderrLogger } from './stderr-logger.ts';
import { stopSignal } from './stop-signal.ts';
import { loadTasksSource } from './tasks-source.ts';

export interface TasksCheckOptions {
  readonly format?: SourceFormat | undefined;
  readonly json?: boolean | undefined;
  /** Also compile Python verifiers; needs the sandbox. */
  readonly compile?: boolean | undefined;
}

async function openSandboxForChecks(signal: AbortSignal): Promise<HostedSandbox> {
  const logger = stderrLogger((text) => void process.stderr.write(text));
  return await openHostSandbox(cliEnvironment(), logger, signal);
}

/** `clawgym tasks check PATH`: fails where a task is refused or has a finding of level error. */
export async function tasksCheckCommand(path: string, options: TasksCheckOptions): Promise<void> {
  using stop = stopSignal((text) => process.stderr.write(text));
  const loaded = await loadTasksSource(path, { format: options.format }, stop.signal);
  await using sandbox =
    options.compile === true ? await openSandboxForChecks(stop.signal) : undefined;
  const checks = sandbox && { pythonSyntaxError: pythonSyntaxIn(sandbox, stop.signal) };
  try {
    const found: { readonly id: string; readonly findings: readonly GateFinding[] }[] = [];
    for (const { task } of loaded.set.tasks) {
      stop.signal.throwIfAborted();
      found.push({ id: task.id, findings: await checkTask(task, loaded.set.blobs, checks) });
    }
    const failed = found.filter(({ findings }) =>
      findings.some(({ level }) => level === 'error'),
    ).length;
    const total = loaded.refused + found.length;
    if (options.json === true) {
      process.stdout.write(
        `${JSON.stringify({ digest: loaded.set.digest, tasks: found, failed, refused: loaded.refused, problems: loaded.problems }, null, 2)}\n`,
      );
    } else {
      const rows = found.flatMap(({ id, findings }) =>
        findings.map((finding) => [
          terminalText(id),
          finding.gate,
          finding.level,
          finding.code,
          terminalText(finding.message),
        ]),
      );
      if (rows.length > 0)
        process.stdout.write(table(['TASK', 'GATE', 'LEVEL', 'CODE', 'MESSAGE'], rows));
      process.stdout.write(
        `${total} tasks: ${found.length - failed} pass, ${failed} fail, ${loaded.refused} refused\n`,
      );
    }
    if (failed + loaded.refused > 0)
      throw new ClawError(
        'InvalidTask',
        `${path}: ${failed + loaded.refused} of ${total} tasks do not pass gate G0`,
      );
  } finally {
    await loaded.close();
  }
}
