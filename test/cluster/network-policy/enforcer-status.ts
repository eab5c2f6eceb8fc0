import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../../src/base/brand.ts';
import { waitUntil } from '../wait-until.ts';

const zEnforcerStatus = z.object({
  /** `refused`: some policy cannot be translated and its pods are closed; `failed`: not loaded. */
  state: z.enum(['enforcing', 'refused', 'failed']),
  /** Why it is not `enforcing`, one sentence a line. */
  message: z.string(),
  /** Resource versions of the policies in the rules, by `namespace/name`. */
  policies: z.record(z.string(), z.string()),
  /** Addresses that the rules know, by the pod's `namespace/name`. */
  pods: z.record(z.string(), z.array(z.string())),
});

/** What is enforced at this moment. */
export type EnforcerStatus = Readonly<z.infer<typeof zEnforcerStatus>>;

const FILE = 'network-policy.json';

/** Where the enforcer of a cluster says what it enforces. */
export function enforcerStatusPath(stateFolder: string): string {
  return join(stateFolder, FILE);
}

/** In one step, so that a reader sees a whole status. */
export function writeEnforcerStatus(path: string, status: EnforcerStatus): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(status, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

export function readEnforcerStatus(path: string): EnforcerStatus {
  return zEnforcerStatus.parse(parseJson(readFileSync(path, 'utf8')));
}

/**
 * Waits until the rules hold exactly these versions of policies, by `namespace/name`; an undefined
 * version means that the policy is gone. Fails with `Timeout`.
 */
export async function waitEnforced(
  path: string,
  versions: Readonly<Record<string, string | undefined>>,
  seconds = 20,
): Promise<EnforcerStatus> {
  const isSo = () => {
    const { policies } = readEnforcerStatus(path);
    return Object.entries(versions).every(([name, version]) => policies[name] === version);
  };
  await waitUntil(isSo, { what: `policies ${JSON.stringify(versions)} are enforced`, seconds });
  return readEnforcerStatus(path);
}
