/**
 * The one file that may use type assertions. A brand makes two strings of different meaning
 * different types; the checks that justify each brand stand here, beside the assertion.
 */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Lower-case hex SHA-256 of some bytes, without prefix; 64 characters. */
export type Sha256 = Brand<string, 'Sha256'>;
/** Identifies a batch of rollouts in the record store: a RolloutBatch's uid, or the local run's. */
export type BatchId = Brand<string, 'BatchId'>;
/** `<batch>/<task>/<sample>`: one planned rollout. */
export type RolloutId = Brand<string, 'RolloutId'>;
/** `<rollout>#<attempt>`: one try at a rollout; attempts count from 1. */
export type AttemptId = Brand<string, 'AttemptId'>;

const SHA256 = /^[0-9a-f]{64}$/;

export function isSha256(value: string): value is Sha256 {
  return SHA256.test(value);
}

/** Marks a string whose form the caller has just produced or checked. */
export function asSha256(value: string): Sha256 {
  if (!isSha256(value)) throw new TypeError(`not a sha256 digest: ${JSON.stringify(value)}`);
  return value;
}

export const asBatchId = (value: string): BatchId => value as BatchId;
export const asRolloutId = (value: string): RolloutId => value as RolloutId;
export const asAttemptId = (value: string): AttemptId => value as AttemptId;

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** JSON.parse with an honest return type. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  return JSON.parse(text) as unknown;
}

/** Narrows an unknown to a plain keyed object (arrays excluded). */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Object.entries for keys known to the type. */
export function typedEntries<K extends string, V>(object: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(object) as [K, V][];
}
