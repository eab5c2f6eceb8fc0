import type { Logger } from '../../base/logger.ts';

const MAX_LINE = 4000;

/** One JSON object a line, for a container's log. Debug lines are dropped. */
export function lineLogger(write: (line: string) => void, now: () => number): Logger {
  const line = (level: string) => (fields: object, message: string) => {
    const text = JSON.stringify({ time: now(), level, message, ...fields });
    write(`${text.length <= MAX_LINE ? text : JSON.stringify({ time: now(), level, message })}\n`);
  };
  return {
    debug: () => undefined,
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  };
}
