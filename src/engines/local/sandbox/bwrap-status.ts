import { isRecord, parseJson } from '../../../base/brand.ts';

/** What bubblewrap has said on its status descriptor so far. */
export interface BwrapStatus {
  /** Host pid of the sandbox's PID 1. */
  readonly childPid: number | undefined;
  /** Present only where the program itself was started and has ended. */
  readonly exitCode: number | undefined;
}

/** Reads the concatenated JSON objects of `--json-status-fd`, one a line; cut lines are ignored. */
export function readBwrapStatus(text: string): BwrapStatus {
  let childPid: number | undefined;
  let exitCode: number | undefined;
  for (const line of text.split('\n')) {
    const value = parsed(line);
    if (!isRecord(value)) continue;
    if (typeof value['child-pid'] === 'number') childPid = value['child-pid'];
    if (typeof value['exit-code'] === 'number') exitCode = value['exit-code'];
  }
  return { childPid, exitCode };
}

function parsed(line: string): unknown {
  try {
    return parseJson(line);
  } catch {
    return undefined;
  }
}
