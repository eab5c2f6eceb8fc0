import type { CodeVerifier } from '../tasks/task.ts';
import { verifierVisibleAt } from './grade-spec.ts';

type Dialect = CodeVerifier['dialect'];

/** Where a dialect wants the verifier's files beside `/verifier`, read-only. */
export function verifierMounts(dialect: Dialect, workspacePath: string): string[] {
  if (dialect === 'harbor') return ['/tests'];
  const visible = verifierVisibleAt({ dialect }, workspacePath);
  return visible === undefined ? [] : [visible];
}

/** Folders beside workspace and `/tmp` that a dialect's verifiers write to. */
export function writableMounts(dialect: Dialect): string[] {
  return dialect === 'harbor' ? ['/logs/verifier'] : [];
}
