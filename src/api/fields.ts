import { z } from 'zod';

/**
 * The field forms that all kinds share. No floats: decimals are strings, counts are integers below
 * 2^53. Everything is bounded, because the API server refuses CEL rules over unbounded values. Of
 * lengths zod counts UTF-16 units and the API server code points, so zod is the stricter one.
 */
export const zText = (maxLength: number) => z.string().min(1).max(maxLength);

/** Integer in [min, max]; format int32. */
export const zInt32 = (min: number, max = 2_147_483_647) => z.int32().min(min).max(max);

/** Limit of processes: a sandbox needs a few itself, and the kernel counts no more than 2^22. */
export const zPids = zInt32(8, 4_194_304);

/** Non-negative count that may pass 2^31, such as tokens; format int64. */
export const zCount = z.int().min(0);

/** Seconds; at most ten years. */
export const zSeconds = (min: number, max = 315_360_000) => z.int32().min(min).max(max);

export const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** RFC 1123 label: the name of an arm, a Secret, a class. */
export const zName = (maxLength = 63) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .regex(
      DNS_LABEL,
      'expected lower-case letters, digits and dashes, starting and ending with a letter or digit',
    );

/** RFC 1123 subdomain: labels joined by dots; names of Secrets, ConfigMaps and claims. */
export const zObjectName = z
  .string()
  .min(1)
  .max(253)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'expected an object name: lower-case letters, digits, dashes and dots',
  );

/** SHA-256 as 64 lower-case hex digits. */
export const zDigest = z
  .string()
  .max(64)
  .regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 as 64 lower-case hex digits');

/** Name of an artifact where people write it: a SHA-256, with or without its prefix. */
export const zArtifact = z
  .string()
  .max(71)
  .regex(
    /^(sha256:)?[0-9a-f]{64}$/,
    'expected a SHA-256 as 64 lower-case hex digits, with or without "sha256:" before it',
  );

/** Non-negative decimal as a string, for example "0.7". */
export const zDecimal = z
  .string()
  .max(20)
  .regex(/^[0-9]+(\.[0-9]+)?$/, 'expected a decimal number in quotes, for example "0.7"');

/** Decimal in [0, 1] as a string: scores, rates, coverage. */
export const zFraction = z
  .string()
  .max(20)
  .regex(/^(0(\.[0-9]+)?|1(\.0+)?)$/, 'expected a decimal from "0" to "1" in quotes');

/** Non-negative number as a string that may have an exponent, for example "1e-5": learning rates. */
export const zRate = z
  .string()
  .max(20)
  .regex(
    /^[0-9]+(\.[0-9]+)?(e-?[0-9]{1,2})?$/,
    'expected a number in quotes, for example "1e-5" or "0.001"',
  );

/** A measured number as a string, for example "-0.0132" or "1.5e-7": losses, rewards. */
export const zMeasure = z
  .string()
  .max(32)
  .regex(/^-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?$/, 'expected a number in quotes');

/** Kubernetes resource quantity, always quoted: "2", "500m", "4Gi". */
export const zQuantity = z
  .string()
  .max(32)
  .regex(
    /^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/,
    'expected a resource quantity in quotes, for example "500m" or "4Gi"',
  );

/** One path segment other than `.` and `..`, without control characters and backslashes. */
const SEGMENT =
  '(?:[^/\\\\.\\x00-\\x1f\\x7f][^/\\\\\\x00-\\x1f\\x7f]*|\\.[^/\\\\.\\x00-\\x1f\\x7f][^/\\\\\\x00-\\x1f\\x7f]*|\\.\\.[^/\\\\\\x00-\\x1f\\x7f]+)';

/** Relative path that stays below its root, as in tasks/task-paths.ts. */
export const zRelativePath = z
  .string()
  .min(1)
  .max(1024)
  .regex(
    new RegExp(`^${SEGMENT}(?:/${SEGMENT})*$`),
    'expected a relative path without empty, "." or ".." segments, backslashes or control characters',
  );

/** Id of a task, as in tasks/task-paths.ts. */
export const zTaskId = z
  .string()
  .min(1)
  .max(128)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
    'expected a task id: letters, digits, ".", "_" and "-", starting with a letter or digit',
  );

/** Name of an environment variable. */
export const zEnvName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of an environment variable');

/** RFC 3339 date and time, as the API server writes it. */
export const zTime = z.iso.datetime();

/** Absolute http or https URL. */
export const zHttpUrl = z
  .string()
  .max(2048)
  .regex(/^https?:\/\/[^\s]+$/, 'expected a URL that starts with http:// or https://');
