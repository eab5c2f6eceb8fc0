import { isUtf8 } from 'node:buffer';
import { parseJson } from '../../base/brand.ts';
import { errorMessage } from '../../base/error.ts';
import type { ImportLimits } from './import-limits.ts';
import { fieldError, joinField } from './import-problem.ts';

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
  const unbounded = findUnbounded(value, limits);
  if (unbounded === undefined) return value;
  const { code, path, reason } = unbounded;
  const place = joinField(field, path.slice(0, SHOWN_STEPS));
  throw fieldError(code, place, path.length === 0 ? text.trim() : unbounded.value, reason);
}

/** Steps of a path that an error names; a deep one is as long as the document. */
const SHOWN_STEPS = 8;

interface Unbounded {
  readonly code: 'TooLarge' | 'InvalidTask';
  readonly path: readonly (string | number)[];
  readonly value: unknown;
  readonly reason: string;
}

interface Node {
  readonly value: unknown;
  readonly depth: number;
}

/**
 * Why a parsed document is not taken, or undefined: nested deeper than `depth`, more than `nodes`
 * values (an aliased value counts each time, which stops YAML bombs), a number that is not finite, or
 * a key "__proto__", which no copy of an object keeps.
 */
export function unboundedReason(value: unknown, limits: ImportLimits): string | undefined {
  return findUnbounded(value, limits)?.reason;
}

function findUnbounded(value: unknown, limits: ImportLimits): Unbounded | undefined {
  const stack: Node[] = [{ value, depth: 0 }];
  let nodes = 0;
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    nodes += 1;
    if (nodes > limits.nodes)
      return { code: 'TooLarge', path: [], value, reason: `at most ${limits.nodes} values` };
    const fault = faultOf(next, limits);
    if (fault !== undefined) return { ...fault, path: pathTo(value, next), value: next.value };
    if (typeof next.value !== 'object' || next.value === null) continue;
    for (const member of Object.values(next.value)) {
      stack.push({ value: member, depth: next.depth + 1 });
    }
  }
  return undefined;
}

function faultOf(
  { value, depth }: Node,
  limits: ImportLimits,
): Pick<Unbounded, 'code' | 'reason'> | undefined {
  if (depth > limits.depth)
    return { code: 'TooLarge', reason: `nesting of at most ${limits.depth} levels` };
  if (typeof value === 'number' && !Number.isFinite(value))
    return { code: 'InvalidTask', reason: 'finite numbers only' };
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__'))
    return { code: 'InvalidTask', reason: 'no key "__proto__"' };
  return undefined;
}

/**
 * Steps from the root to a value at that depth: walked again, since the walk that found it keeps no
 * paths. It goes in the same order, so it meets no more values than the first walk did.
 */
function pathTo(root: unknown, wanted: Node): (string | number)[] {
  const walk = (value: unknown, depth: number): (string | number)[] | undefined => {
    if (depth === wanted.depth) return Object.is(value, wanted.value) ? [] : undefined;
    if (typeof value !== 'object' || value === null) return undefined;
    for (const [key, member] of Object.entries(value).toReversed()) {
      const rest = walk(member, depth + 1);
      if (rest !== undefined) return [Array.isArray(value) ? Number(key) : key, ...rest];
    }
    return undefined;
  };
  return walk(root, 0) ?? [];
}
