import type { AgentCode, InputFile, TaskInput } from './task.ts';

/** A file as an importer found it, with its contents. */
export interface DraftFile {
  readonly path: string;
  readonly content: Uint8Array;
  readonly executable?: boolean;
}

/** What an importer makes of one task, before digests, checks and defaults. */
export interface TaskDraft
  extends Omit<TaskInput, 'schema' | 'workspace' | 'verifier' | 'solution' | 'environment'> {
  readonly workspacePath: string;
  readonly inputs: readonly DraftFile[];
  /** Modes that the source itself gives, by path; the others are guessed from the instruction. */
  readonly inputModes?: ReadonlyMap<string, InputFile['mode']>;
  readonly verifier?: DraftVerifier;
  readonly solution?: { readonly files: readonly DraftFile[]; readonly script?: string };
  readonly environment?: Omit<NonNullable<TaskInput['environment']>, 'build'>;
  readonly buildFiles?: readonly DraftFile[];
  /** Fields that the foreign format cannot carry, from a task that this product exported. */
  readonly extension?: unknown;
}

export interface DraftVerifier {
  readonly dialect: NonNullable<TaskInput['verifier']>['dialect'];
  readonly entry: string;
  readonly files: readonly DraftFile[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Classes a verifier by static scan: whether it runs what the agent wrote. */
export type AgentCodeScanner = (
  files: readonly DraftFile[],
  dialect: DraftVerifier['dialect'],
) => AgentCode;

const ORDER: readonly AgentCode[] = ['none', 'child', 'in-process'];

/** The more dangerous of two classes. */
export function worseAgentCode(a: AgentCode, b: AgentCode): AgentCode {
  return ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b;
}

/**
 * The class of a verifier whose files are of class `scanned`. Only a Python verifier runs inside the
 * grader's interpreter, out of reach of the programs that it starts. The result of a shell script lies
 * open to them, on its output or in its reward file: they can forge it as an imported module can.
 */
export function agentCodeOf(dialect: DraftVerifier['dialect'], scanned: AgentCode): AgentCode {
  const isShell = dialect === 'harbor' || dialect === 'reward-sh';
  return isShell && scanned === 'child' ? 'in-process' : scanned;
}
