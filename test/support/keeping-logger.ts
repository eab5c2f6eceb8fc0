import type { Logger } from '../../operator/kube/base/logger.ts';

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
