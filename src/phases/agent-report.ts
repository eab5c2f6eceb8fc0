import { z } from 'zod';
import { parseJson } from '../base/brand.ts';
import { type AgentEnd, REPORTED_ENDS } from '../rollouts/outcome.ts';
import { readHostileFile } from './read-hostile-file.ts';

const MAX_REPORT_BYTES = 64 * 1024;

const zAgentReport = z.object({
  nonce: z.string(),
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  reason: z.enum(REPORTED_ENDS),
  detail: z.string(),
  seconds: z.number().nonnegative(),
  /** Bytes that the agent printed, where the wrapper kept its output itself. */
  printed: z
    .object({ stdout: z.number().nonnegative(), stderr: z.number().nonnegative() })
    .optional(),
});

export interface AgentReport {
  readonly end: Omit<AgentEnd, 'reason'> & Pick<z.infer<typeof zAgentReport>, 'reason'>;
  /** What a limit's message says; empty where the agent ended by itself. */
  readonly detail: string;
  readonly printed?: { readonly stdout: number; readonly stderr: number } | undefined;
}

/**
 * The wrapper's report, or undefined where there is none with this nonce. The agent could write to
 * the same folder, so the file is hostile: opened without following a link or waiting on a FIFO, and
 * read up to a bound.
 */
export async function readAgentReport(
  path: string,
  nonce: string,
): Promise<AgentReport | undefined> {
  const bytes = await readHostileFile(path, MAX_REPORT_BYTES);
  if (bytes === undefined) return undefined;
  const report = zAgentReport.safeParse(parsed(bytes.toString('utf8')));
  if (!report.success || report.data.nonce !== nonce) return undefined;
  const { exitCode, signal, reason, seconds, detail, printed } = report.data;
  return { end: { exitCode, signal, reason, seconds }, detail, printed };
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
