import type { Logger } from '../base/logger.ts';

/**
 * Log lines of a command: one plain line each on stderr, so that stdout stays for results. Debug
 * lines are dropped.
 */
export function stderrLogger(write: (line: string) => void): Logger {
  const line = (level: string) => (fields: object, message: string) => {
    const text = describe(fields);
    write(`${level === 'info' ? '' : `${level}: `}${message}${text === '' ? '' : ` (${text})`}\n`);
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
