import type { LogFields, Logger } from './kube/base/logger.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LEVELS)[number];

/** One JSON object a line: time, level, message, fields. Errors keep code, message and stack. */
export function jsonLogger(options: {
  readonly write: (line: string) => void;
  readonly level: LogLevel;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}): Logger {
  const least = LEVELS.indexOf(options.level);
  const make = (bound: LogFields): Logger => {
    const line =
      (level: LogLevel) =>
      (fields: LogFields, message: string): void => {
        if (LEVELS.indexOf(level) < least) return;
        const time = new Date(options.now()).toISOString();
        const entry = { time, level, message, ...bound, ...fields };
        options.write(`${JSON.stringify(entry, plain)}\n`);
      };
    return {
      debug: line('debug'),
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      child: (fields) => make({ ...bound, ...fields }),
    };
  };
  return make({});
}

/** Without the cause: it may hold a request with its headers. */
function plain(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const code = 'code' in value ? value.code : undefined;
  const { message, name, stack } = value;
  return { name, code, message, stack };
}
