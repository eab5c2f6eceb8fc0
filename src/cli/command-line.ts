import { redactKeys } from '../gateway/redact-keys.ts';
import { publicAddress } from './open-model.ts';

/** Any address inside an argument, for example in the line of the agent "command". */
const ADDRESS = /\bhttps?:\/\/[^\s'"]+/gi;

/**
 * The arguments as a user would type them again, for the report: without what may carry a secret.
 * Addresses lose user, password, query and fragment; what is or looks like a key becomes "[key]".
 * `secret` reads an environment variable, so that the key in use is known.
 */
export function commandLine(
  args: readonly string[],
  secret: (name: string) => string | undefined,
): string {
  const pairs = args.map((part, index) => splitFlag(part, args[index - 1]));
  const named = pairs.find(({ flag }) => flag === '--api-key-env')?.value;
  const key = secret(named ?? 'OPENAI_API_KEY');
  const shown = pairs.map(({ shows, flag, value }) => `${shows}${publicValue(flag, value, key)}`);
  return ['clawgym', ...shown.map(quoted)].join(' ');
}

interface Part {
  /** What of the argument is a flag and stands as it is. */
  readonly shows: string;
  /** The flag that the value belongs to. */
  readonly flag: string | undefined;
  readonly value: string | undefined;
}

function splitFlag(part: string, before: string | undefined): Part {
  const [, assigned, value] = /^(--[\w-]+)=(.*)$/s.exec(part) ?? [];
  if (assigned !== undefined) return { shows: `${assigned}=`, flag: assigned, value };
  if (/^--?[a-z-]+$/.test(part)) return { shows: part, flag: undefined, value: undefined };
  return { shows: '', flag: before, value: part };
}

function publicValue(
  flag: string | undefined,
  value: string | undefined,
  key: string | undefined,
): string {
  if (value === undefined) return '';
  // The name of a variable is no secret, and often looks like one.
  if (flag === '--api-key-env') return value;
  const address = flag === '--base-url' ? publicAddress(value) : value;
  return redactKeys(address.replaceAll(ADDRESS, publicAddress), key);
}

function quoted(part: string): string {
  return /^[\w@%+=:,./-]+$/.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`;
}
