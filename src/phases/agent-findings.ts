import type { AgentEnd, Finding } from '../rollouts/outcome.ts';

/** The finding of an agent that its wrapper ended at a limit, with the wrapper's own words. */
export function limitFindings(reason: AgentEnd['reason'], detail: string): Finding[] {
  switch (reason) {
    case 'MemoryLimit':
    case 'WorkspaceLimit':
    case 'ConnectionLimit':
      return [{ code: reason, message: detail }];
    default:
      return [];
  }
}

/** The finding of an output of which only both ends were kept. */
export function truncatedFinding(name: 'stdout' | 'stderr', totalBytes: number): Finding {
  const message = `${name} had ${totalBytes} bytes; first and last are kept`;
  return { code: 'OutputTruncated', message };
}
