import { join } from 'node:path';
import type { Sha256 } from '../../base/brand.ts';
import { sha256 } from '../../base/digest.ts';
import { errorMessage } from '../../base/error.ts';
import { plainText } from '../../base/plain-text.ts';
import type { AttemptEndBody, CompanionClaim } from '../../protocol/sandbox-api.ts';
import type { Finding } from '../../rollouts/outcome.ts';
import { limitFindings, truncatedFinding } from '../agent-findings.ts';
import { type AgentReport, readAgentReport } from '../agent-report.ts';
import { KEEP_OUTPUT_BYTES, reportName, STDERR_FILE, STDOUT_FILE } from '../agent-spec.ts';
import { readHostileFile } from '../read-hostile-file.ts';
import { type SnapshotResult, takeSnapshot } from '../snapshot.ts';
import type { RoleContext } from './role-context.ts';
import type { RoleSession } from './sandbox-client.ts';
import { SnapshotSpool } from './snapshot-spool.ts';

/** Both ends of an output and the line between them. */
const MAX_OUTPUT_BYTES = 2 * KEEP_OUTPUT_BYTES + 256;

/**
 * What is left when the agent is gone: the wrapper's report, the outputs, the snapshot, each stored
 * before it is named. Whatever the agent left behind, this comes to an end; only the server can make
 * it fail.
 */
export async function collectEnd(
  claim: CompanionClaim,
  context: RoleContext,
  session: RoleSession,
  giveUp: AbortSignal,
): Promise<AttemptEndBody> {
  const { report: folder, workspace, state } = context.paths;
  const path = join(folder, reportName(claim.reportNonce));
  const report = await readAgentReport(path, claim.reportNonce);
  const keepOutput = async (name: string): Promise<Sha256 | undefined> => {
    const bytes = await readHostileFile(join(folder, name), MAX_OUTPUT_BYTES);
    if (bytes === undefined) return undefined;
    const digest = sha256(bytes);
    await session.putBytes(digest, bytes, giveUp);
    return digest;
  };
  const spool = new SnapshotSpool(state);
  const snapshot = await snapshotOf(workspace, spool, claim.caps);
  if (snapshot.digest !== undefined) await session.put(spool.get(snapshot.digest), giveUp);
  const stdout = await keepOutput(STDOUT_FILE);
  const stderr = await keepOutput(STDERR_FILE);
  return {
    ...(report !== undefined && { agent: agentEnd(report) }),
    ...(snapshot.digest !== undefined && { snapshot: snapshot.digest }),
    ...(snapshot.refused !== undefined && { refused: snapshot.refused }),
    ...(stdout !== undefined && { stdout }),
    ...(stderr !== undefined && { stderr }),
    findings: [...reportFindings(report), ...snapshot.findings],
  };
}

/** A workspace that cannot be read has no snapshot; that is said, and the server decides. */
async function snapshotOf(
  workspace: string,
  spool: SnapshotSpool,
  caps: CompanionClaim['caps'],
): Promise<SnapshotResult> {
  try {
    return await takeSnapshot(workspace, spool, caps);
  } catch (thrown) {
    const message = plainText(`the workspace cannot be read: ${errorMessage(thrown)}`);
    const findings: Finding[] = [{ code: 'SnapshotNeverArrived', message }];
    return { digest: undefined, refused: undefined, findings };
  }
}

function agentEnd({ end, detail }: AgentReport): NonNullable<AttemptEndBody['agent']> {
  return { ...end, detail: plainText(detail) };
}

function reportFindings(report: AgentReport | undefined): Finding[] {
  if (report === undefined) return [];
  const findings = limitFindings(report.end.reason, plainText(report.detail));
  for (const name of [STDOUT_FILE, STDERR_FILE] as const) {
    const printed = report.printed?.[name] ?? 0;
    if (printed > 2 * KEEP_OUTPUT_BYTES) findings.push(truncatedFinding(name, printed));
  }
  return findings;
}
