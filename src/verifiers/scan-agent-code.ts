import type { AgentCode, CodeVerifier } from '../tasks/task.ts';
import type { AgentCodeScanner } from '../tasks/task-draft.ts';
import { type ScanHit, scanPython } from './scan-python.ts';
import { type ShellContext, scanShell } from './scan-shell.ts';

/** A verifier's file as the scan needs it. */
export interface ScannedFile {
  /** Relative to the verifier's folder. */
  readonly path: string;
  readonly content: Uint8Array;
}

export interface AgentCodeScan {
  readonly class: AgentCode;
  readonly evidence: readonly {
    readonly file: string;
    readonly line: number;
    readonly what: string;
  }[];
}

/**
 * Classes a verifier by its source (design: rollouts.md 7). `in-process`: it loads code, or data
 * that can carry code, into the process that decides the score, or it changes where modules are
 * searched. `child`: it starts programs, which may be the agent's. When in doubt, the worse class;
 * text in comments and strings does not count. A verifier's author is trusted: this finds what
 * verifiers do openly, not what somebody hides.
 *
 * @param dialect says where its scripts start: those of Harbor in the workspace
 */
export function scanAgentCode(
  files: readonly ScannedFile[],
  dialect?: CodeVerifier['dialect'],
): AgentCodeScan {
  const own = { files: files.map((file) => file.path), startsInWorkspace: dialect === 'harbor' };
  const hits = files.flatMap((file) =>
    scanFile(file, own).map((hit) => ({ ...hit, file: file.path })),
  );
  const worst: AgentCode = hits.some((hit) => hit.class === 'in-process')
    ? 'in-process'
    : hits.length > 0
      ? 'child'
      : 'none';
  return { class: worst, evidence: hits.map(({ file, line, what }) => ({ file, line, what })) };
}

/** The class alone, for importers. */
export const agentCodeScanner: AgentCodeScanner = (files, dialect) =>
  scanAgentCode(files, dialect).class;

function scanFile(file: ScannedFile, own: ShellContext): readonly ScanHit[] {
  const isPython = file.path.endsWith('.py');
  const start = Buffer.from(file.content.subarray(0, 100)).toString('latin1');
  const shebang = /^#!.*?\b(python|(?:ba|da|z|k)?sh)[\d.]*\s*$/m.exec(
    start.split('\n')[0] ?? '',
  )?.[1];
  const text = (): string => Buffer.from(file.content).toString('utf8');
  if (isPython || shebang === 'python') return scanPython(text());
  if (/\.(sh|bash)$/.test(file.path) || shebang !== undefined) return scanShell(text(), own);
  return [];
}
