import { isUtf8 } from 'node:buffer';
import { DEFAULT_IMPORT_LIMITS, type ImportLimits } from '../import/import-limits.ts';
import { shown } from '../import/import-problem.ts';
import { namedPaths } from '../named-paths.ts';
import { formatOf } from '../output-format.ts';
import { type Task, type TaskFile, zTask } from '../task.ts';
import { taskFiles } from '../task-files.ts';
import type { BlobSource } from '../task-set.ts';
import { hostPathIn } from './host-paths.ts';
import { secretIn } from './secret-patterns.ts';
import { verifierCode } from './verifier-code.ts';

/** One finding of the static gate. */
export interface GateFinding {
  readonly gate: 'G0';
  readonly code: GateCode;
  readonly level: 'error' | 'warning';
  readonly message: string;
}

export type GateCode =
  | 'Schema'
  | 'EmptyInstruction'
  | 'VerifierMissing'
  | 'JudgedOnly'
  | 'VerifierSyntax'
  | 'VerifierRunsAgentCode'
  | 'VerifierInWorkspace'
  | 'OutputsUnnamed'
  | 'SecretLooking'
  | 'HostPath'
  | 'NotUtf8'
  | 'TooLarge';

export interface CheckTaskOptions {
  readonly limits?: ImportLimits | undefined;
  /** Why a Python text does not parse, or undefined where it does. Absent: not checked. */
  readonly pythonSyntaxError?:
    | ((source: string, path: string) => Promise<string | undefined>)
    | undefined;
}

interface Loaded {
  readonly part: 'input' | 'verifier' | 'solution' | 'build';
  readonly file: TaskFile;
  readonly content: Uint8Array;
}

/** Gate G0 of the admission gates: what can be said of a task without running anything. */
export async function checkTask(
  task: Task,
  blobs: BlobSource,
  options: CheckTaskOptions = {},
): Promise<GateFinding[]> {
  const large = tooLarge(task, options.limits ?? DEFAULT_IMPORT_LIMITS);
  if (large.length > 0) return large;
  const files = await loadAll(task, blobs);
  return [
    ...schemaFindings(task),
    ...instructionFindings(task),
    ...verifierFindings(task),
    ...leakFindings(task, files),
    ...files.flatMap((loaded) => fileFindings(task, loaded)),
    ...(await syntaxFindings(files, options)),
  ];
}

const error = (code: GateCode, message: string): GateFinding => ({
  gate: 'G0',
  code,
  level: 'error',
  message,
});
const warning = (code: GateCode, message: string): GateFinding => ({
  gate: 'G0',
  code,
  level: 'warning',
  message,
});

function tooLarge(task: Task, limits: ImportLimits): GateFinding[] {
  const files = taskFiles(task);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  return [
    ...files
      .filter(({ size }) => size > limits.fileBytes)
      .map(({ path, size }) =>
        error('TooLarge', `${path} has ${size} bytes, at most ${limits.fileBytes} a file`),
      ),
    ...(total > limits.taskBytes
      ? [error('TooLarge', `the files have ${total} bytes, at most ${limits.taskBytes} a task`)]
      : []),
  ];
}

async function loadAll(task: Task, blobs: BlobSource): Promise<Loaded[]> {
  const parts = [
    ['input', task.workspace.inputs],
    ['verifier', task.verifier?.files ?? []],
    ['solution', task.solution?.files ?? []],
    ['build', task.environment.build?.files ?? []],
  ] as const;
  const loaded: Loaded[] = [];
  for (const [part, files] of parts) {
    for (const file of files) loaded.push({ part, file, content: await blobs.read(file.digest) });
  }
  return loaded;
}

function schemaFindings(task: Task): GateFinding[] {
  const parsed = zTask.safeParse(task);
  return parsed.success
    ? []
    : parsed.error.issues.map((issue) =>
        error('Schema', `${issue.path.join('.')}: ${issue.message}`),
      );
}

function instructionFindings(task: Task): GateFinding[] {
  const text = task.instruction.turns.map((turn) => turn.text).join('\n');
  const findings: GateFinding[] = [];
  if (text.trim() === '')
    findings.push(error('EmptyInstruction', 'the instruction is white space'));
  const secret = secretIn(text);
  if (secret !== undefined)
    findings.push(error('SecretLooking', `the instruction holds what looks like ${secret}`));
  const path = hostPathIn(text, task.workspace.path);
  if (path !== undefined) {
    findings.push(
      warning(
        'HostPath',
        `the instruction names ${shown(path)}, outside the workspace ${task.workspace.path}`,
      ),
    );
  }
  if (
    task.verifier &&
    task.outputs.length === 0 &&
    namedPaths(text, task.workspace.path).length === 0
  ) {
    findings.push(
      warning('OutputsUnnamed', 'the instruction names no path and the task declares no output'),
    );
  }
  return findings;
}

function verifierFindings(task: Task): GateFinding[] {
  if (task.verifier === undefined) {
    return task.rubric === undefined
      ? [error('VerifierMissing', 'neither a code verifier nor a rubric')]
      : [warning('JudgedOnly', 'no code verifier: a judge grades this task')];
  }
  const { entry, files, agentCode } = task.verifier;
  return [
    ...(files.some(({ path }) => path === entry)
      ? []
      : [error('VerifierMissing', `the verifier's entry ${shown(entry)} is none of its files`)]),
    ...(agentCode === 'none'
      ? []
      : [
          warning('VerifierRunsAgentCode', `the verifier runs what the agent wrote (${agentCode})`),
        ]),
  ];
}

/**
 * The verifier's programs, or a file of the solution, that the agent is given. Copies of inputs that
 * a verifier compares with are no leak: the agent has them anyway.
 */
function leakFindings(task: Task, files: readonly Loaded[]): GateFinding[] {
  const hidden = new Map(
    [...programs(task, files), ...(task.solution?.files ?? [])]
      .filter(({ size }) => size > 0)
      .map(({ digest, path }) => [digest, path]),
  );
  return task.workspace.inputs.flatMap((input) => {
    const path = hidden.get(input.digest);
    const isSolution = task.solution?.files.some(
      (file) => file.digest === input.digest && file.path === input.path,
    );
    return path === undefined || isSolution === true
      ? []
      : [
          error(
            'VerifierInWorkspace',
            `input ${input.path} has the bytes of ${path} of the verifier or solution`,
          ),
        ];
  });
}

function programs({ verifier }: Task, files: readonly Loaded[]): readonly TaskFile[] {
  if (verifier === undefined) return [];
  const texts = files
    .filter(({ part }) => part === 'verifier')
    .map(({ file, content }) => ({
      file,
      text: isUtf8(content) ? Buffer.from(content).toString('utf8') : undefined,
    }));
  return verifierCode(verifier.entry, texts);
}

function fileFindings(task: Task, { part, file, content }: Loaded): GateFinding[] {
  const place = `${part} file ${file.path}`;
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  if (!isUtf8(bytes)) {
    const needed =
      part === 'verifier' ? file.path === task.verifier?.entry : looksLikeText(file.path);
    return needed ? [error('NotUtf8', `${place} is not UTF-8 text`)] : [];
  }
  const text = bytes.toString('utf8');
  const findings: GateFinding[] = [];
  const secret = secretIn(text);
  if (secret !== undefined)
    findings.push(error('SecretLooking', `${place} holds what looks like ${secret}`));
  const path = hostPathIn(text, task.workspace.path);
  if (path !== undefined) {
    const personal = /^(?:\/(?:home|Users|root)\/|[A-Za-z]:)/.test(path);
    const level = personal && (part === 'verifier' || part === 'solution') ? error : warning;
    findings.push(
      level(
        'HostPath',
        `${place} names ${shown(path)}, outside the workspace ${task.workspace.path}`,
      ),
    );
  }
  return findings;
}

function looksLikeText(path: string): boolean {
  const format = formatOf(path);
  return format !== 'binary' && (format !== 'text' || /\.(?:txt|text)$/i.test(path));
}

async function syntaxFindings(
  files: readonly Loaded[],
  { pythonSyntaxError }: CheckTaskOptions,
): Promise<GateFinding[]> {
  if (pythonSyntaxError === undefined) return [];
  const findings: GateFinding[] = [];
  for (const { part, file, content } of files) {
    if (part !== 'verifier' || !file.path.endsWith('.py') || !isUtf8(content)) continue;
    const reason = await pythonSyntaxError(Buffer.from(content).toString('utf8'), file.path);
    if (reason !== undefined)
      findings.push(error('VerifierSyntax', `verifier file ${file.path}: ${reason}`));
  }
  return findings;
}
