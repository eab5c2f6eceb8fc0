import type { Logger } from '../base/logger.ts';
import { plainText } from '../base/plain-text.ts';

const MAX_LINE = 2000;

/**
 * Log lines of a command: one plain line each on stderr, so that stdout stays for results; fields may
 * hold words of an upstream or a sandbox. Debug lines are dropped.
 */
export function stderrLogger(write: (line: string) => void): Logger {
  const line = (level: string) => (fields: object, message: string) => {
    const text = describe(fields);
    const said = `${level === 'info' ? '' : `${level}: `}${message}${text === '' ? '' : ` (${text})`}`;
    write(`${plainText(said, MAX_LINE)}\n`);
  };
  return {
    debug: () => undefined,
    info: line('info'),
    warn: line('warning'),
    error: line('error'),
  };
}

function describe(fields: object): string {
  return Object.entries(fields)
    .filter(([key, value]) => key !== 'cause' && value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}
