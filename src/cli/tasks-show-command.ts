import { ClawError } from '../base/error.ts';
import { terminalText } from '../base/plain-text.ts';
import { table } from '../base/table.ts';
import type { SourceFormat } from '../tasks/import/importer.ts';
import type { Task } from '../tasks/task.ts';
import type { TaskEntry } from '../tasks/task-set.ts';
import { cliEnvironment } from './environment.ts';
import { stopSignal } from './stop-signal.ts';
import { type JobTasksFlags, loadPathOrJob } from './synthesis/accepted-set.ts';

export interface TasksShowOptions extends JobTasksFlags {
  readonly format?: SourceFormat | undefined;
  readonly json?: boolean | undefined;
}

/** `clawgym tasks show PATH|synthesisjob/NAME [ID]`. */
export async function tasksShowCommand(
  path: string,
  id: string | undefined,
  options: TasksShowOptions,
): Promise<void> {
  using stop = stopSignal((text) => process.stderr.write(text));
  const loaded = await loadPathOrJob(path, options, cliEnvironment(), stop.signal);
  try {
    const { tasks, digest } = loaded.set;
    if (id === undefined) {
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify({ digest, tasks: tasks.map(summary) }, null, 2)}\n`
          : list(tasks),
      );
    } else {
      const entry = tasks.find(({ task }) => task.id === id);
      if (entry === undefined)
        throw new ClawError(
          'NotFound',
          `${path}: no task ${JSON.stringify(id)} among its ${tasks.length} tasks`,
        );
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify({ digest: entry.digest, task: entry.task }, null, 2)}\n`
          : detail(entry),
      );
    }
    if (loaded.problems.length > 0) process.exitCode = 1;
  } finally {
    await loaded.close();
  }
}

function summary({ task, digest }: TaskEntry): Record<string, unknown> {
  return {
    id: task.id,
    digest,
    category: task.category,
    turns: task.instruction.turns.length,
    inputs: task.workspace.inputs.length,
    editable: editable(task).length,
    verifier: task.verifier?.dialect ?? null,
    agentCode: task.verifier?.agentCode ?? null,
    rubric: task.rubric?.length ?? 0,
    solution: task.solution !== undefined,
    needs: task.environment.needs,
  };
}

function list(tasks: readonly TaskEntry[]): string {
  const rows = tasks.map(({ task, digest }) => [
    terminalText(task.id),
    terminalText(task.category) || '<none>',
    String(task.instruction.turns.length),
    `${task.workspace.inputs.length}/${editable(task).length}`,
    task.verifier?.dialect ?? '<judge>',
    task.verifier?.agentCode ?? '-',
    String(task.rubric?.length ?? 0),
    task.environment.needs.map(terminalText).join(',') || '-',
    digest.slice(0, 12),
  ]);
  return table(
    [
      'ID',
      'CATEGORY',
      'TURNS',
      'INPUTS/EDITABLE',
      'VERIFIER',
      'AGENT-CODE',
      'RUBRIC',
      'NEEDS',
      'DIGEST',
    ],
    rows,
  );
}

function detail({ task, digest }: TaskEntry): string {
  const { verifier, solution, environment, timeouts } = task;
  const facts: readonly (readonly [string, string])[] = [
    ['Id', task.id],
    ['Digest', `sha256:${digest}`],
    ['Category', task.category || '<none>'],
    ['Workspace', task.workspace.path],
    [
      'Verifier',
      verifier
        ? `${verifier.dialect} ${verifier.entry} (agent code: ${verifier.agentCode})`
        : '<none>',
    ],
    [
      'Rubric',
      task.rubric
        ? task.rubric.map(({ name, weight }) => `${name} (${weight})`).join(', ')
        : '<none>',
    ],
    ['Weights', `code ${task.weights.code}, rubric ${task.weights.rubric}`],
    ['Solution', solution ? `${solution.files.length} files` : '<none>'],
    ['Image', environment.image ?? '<agent image>'],
    ['Network', environment.network],
    ['Needs', environment.needs.join(', ') || '<none>'],
    ['Time-outs', `agent ${timeouts.agentSeconds}s, verifier ${timeouts.verifierSeconds}s`],
  ];
  const lines = facts.map(([name, value]) => `${`${name}:`.padEnd(12)}${terminalText(value)}`);
  const inputs = task.workspace.inputs.map(({ path, mode, size }) => [
    `  ${terminalText(path)}`,
    mode,
    String(size),
  ]);
  const turns = task.instruction.turns.map(
    ({ text, newSession }, index) =>
      `Turn ${index + 1}${newSession ? ' (new session)' : ''}:\n${terminalText(text).replace(/^/gm, '  ')}`,
  );
  return [
    ...lines,
    inputs.length > 0
      ? table(['Inputs:', 'MODE', 'BYTES'], inputs).trimEnd()
      : 'Inputs:     <none>',
    task.outputs.length > 0
      ? table(
          ['Outputs:', 'FORMAT'],
          task.outputs.map(({ path, format }) => [`  ${terminalText(path)}`, format]),
        ).trimEnd()
      : 'Outputs:    <not declared>',
    ...turns,
    '',
  ].join('\n');
}

function editable(task: Task): Task['workspace']['inputs'] {
  return task.workspace.inputs.filter(({ mode }) => mode === 'editable');
}
