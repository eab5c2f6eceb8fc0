import { existsSync } from 'node:fs';

/**
 * Folder of the public benchmark data (environment variable CLAWGYM_DATA), or undefined where it is
 * not given. Quiet: for those who report what they leave out themselves.
 */
export function sharedDataFolder(): string | undefined {
  const path = process.env['CLAWGYM_DATA'];
  return path !== undefined && path !== '' && existsSync(path) ? path : undefined;
}

/** Why there is no shared data here; the one wording for tests and claims. */
export function whyNoSharedData(): string {
  const path = process.env['CLAWGYM_DATA'] ?? '';
  return path === '' ? 'CLAWGYM_DATA is not set' : `CLAWGYM_DATA=${path} is no folder`;
}
