import { isUtf8 } from 'node:buffer';
import { parseJson } from '../../base/brand.ts';
import { errorMessage } from '../../base/error.ts';
import type { ImportLimits } from './import-limits.ts';
import { fieldError } from './import-problem.ts';

/** Bytes as text; throws for anything that is not UTF-8. A leading byte-order mark is taken off. */
export function decodeText(bytes: Uint8Array, field: string): string {
  if (!isUtf8(bytes)) {
    const shownHead = Buffer.from(bytes.subarray(0, 12)).toString('hex');
    throw fieldError('InvalidTask', field, `bytes ${shownHead}`, 'UTF-8 text');
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

export function parseJsonText(text: string, field: string, limits: ImportLimits): unknown {
  return parsedDocument(() => parseJson(text), text, field, 'JSON', limits);
}

/** The value that `parse` gives, if it is bounded; `what` names the format in errors. */
export function parsedDocument(
  parse: () => unknown,
  text: string,
  field: string,
  what: string,
  limits: ImportLimits,
): unknown {
  let value: unknown;
  try {
    value = parse();
  } catch (cause) {
    const reason = errorMessage(cause).split('\n')[0]?.slice(0, 200);
    throw fieldError('InvalidTask', field, text.trim(), `${what} (${reason})`);
  }
  const reason = unboundedReason(value, limits);
  if (reason !== undefined) throw fieldError('TooLarge', field, text.trim(), reason);
  return value;
}

/**
 * Why a parsed document is not taken, or undefined: nested deeper than `depth`, more than `nodes`
 * values (an aliased value counts each time, which stops YAML bombs), or a number that is not finite.
 */
export function unboundedReason(value: unknown, limits: ImportLimits): string | undefined {
  const stack: { value: unknown; depth: number }[] = [{ value, depth: 0 }];
  let nodes = 0;
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    nodes += 1;
    if (nodes > limits.nodes) return `at most ${limits.nodes} values`;
    if (next.depth > limits.depth) return `nesting of at most ${limits.depth} levels`;
    if (typeof next.value === 'number' && !Number.isFinite(next.value))
      return 'finite numbers only';
    if (typeof next.value !== 'object' || next.value === null) continue;
    for (const member of Object.values(next.value)) {
      stack.push({ value: member, depth: next.depth + 1 });
    }
  }
  return undefined;
}
