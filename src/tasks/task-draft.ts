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
  readonly inputModes?: Readonly<Record<string, InputFile['mode']>>;
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
export type AgentCodeScanner = (files: readonly DraftFile[]) => AgentCode;

const ORDER: readonly AgentCode[] = ['none', 'child', 'in-process'];

/** The more dangerous of two classes. */
export function worseAgentCode(a: AgentCode, b: AgentCode): AgentCode {
  return ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b;
}
