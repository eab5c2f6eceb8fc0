import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { parseJson } from '../base/brand.ts';
import type { AgentEnd } from '../rollouts/outcome.ts';

const MAX_REPORT_BYTES = 64 * 1024;

const zAgentReport = z.object({
  nonce: z.string(),
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  reason: z.enum(['Exited', 'Deadline', 'MemoryLimit', 'WorkspaceLimit', 'Cancelled']),
  detail: z.string(),
  seconds: z.number().nonnegative(),
});

export interface AgentReport {
  readonly end: AgentEnd;
  /** What a limit's message says; empty where the agent ended by itself. */
  readonly detail: string;
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
  const text = await readBounded(path);
  if (text === undefined) return undefined;
  const report = zAgentReport.safeParse(parsed(text));
  if (!report.success || report.data.nonce !== nonce) return undefined;
  const { exitCode, signal, reason, seconds, detail } = report.data;
  return { end: { exitCode, signal, reason, seconds }, detail };
}

async function readBounded(path: string): Promise<string | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    await using file = await open(path, flags);
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > MAX_REPORT_BYTES) return undefined;
    return await file.readFile('utf8');
  } catch {
    return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
