import type { Logger } from './logger.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LEVELS)[number];

export interface JsonLogger extends Logger {
  /** A logger that adds these fields to every line. */
  child(bound: object): JsonLogger;
}

export interface JsonLoggerOptions {
  readonly write: (line: string) => void;
  readonly level: LogLevel;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** One JSON object a line: time, level, message, fields. Errors keep code, message and stack. */
export function jsonLogger(options: JsonLoggerOptions): JsonLogger {
  const least = LEVELS.indexOf(options.level);
  const make = (bound: object): JsonLogger => {
    const line =
      (level: LogLevel) =>
      (fields: object, message: string): void => {
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
      child: (more) => make({ ...bound, ...more }),
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
