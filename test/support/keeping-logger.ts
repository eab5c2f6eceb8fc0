import type { LogFields, Logger } from '../../operator/kube/base/logger.ts';

/** A logger that keeps the sentence of every line, whatever its level. */
export function keepingLogger(lines: string[]): Logger {
  const keep = (_fields: unknown, message: string) => void lines.push(message);
  const logger: Logger = {
    debug: keep,
    info: keep,
    warn: keep,
    error: keep,
    child: () => logger,
  };
  return logger;
}

export interface KeptLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps whole lines, with the fields of the loggers that they came through. */
export function lineLogger(lines: KeptLine[], inherited: LogFields = {}): Logger {
  const keep = (level: KeptLine['level']) => (fields: LogFields, message: string) =>
    void lines.push({ level, at: Date.now(), message, fields: { ...inherited, ...fields } });
  return {
    debug: keep('debug'),
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
    child: (fields) => lineLogger(lines, { ...inherited, ...fields }),
  };
}
