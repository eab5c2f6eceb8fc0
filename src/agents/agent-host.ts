import type { Sha256 } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { sha256 } from '../base/digest.ts';

/** What harnesses need to know of the machine and the product; filled once, by the command line. */
export interface AgentHost {
  /** The running Node's binary (`process.execPath`): installs the harnesses and runs them. */
  readonly nodePath: string;
  /** Its version without the leading "v". */
  readonly nodeVersion: string;
  /** Environment of installers such as npm: PATH, HOME, proxies. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Identity of a harness's behaviour: digest over the canonical JSON of what shapes it. */
export function configDigest(facts: object): Sha256 {
  return sha256(canonicalJson(facts));
}
