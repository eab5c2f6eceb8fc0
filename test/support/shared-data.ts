import { existsSync } from 'node:fs';

let told = false;

/**
 * Folder of the public benchmark data that some tests read (environment variable CLAWGYM_DATA), or
 * undefined where it is not given. Says so in one visible line, once a process.
 */
export function sharedData(): string | undefined {
  const path = process.env['CLAWGYM_DATA'];
  if (path !== undefined && path !== '' && existsSync(path)) return path;
  if (!told) {
    told = true;
    process.stderr.write(
      'CLAWGYM_DATA is not set: tests on the shared benchmark data do not run\n',
    );
  }
  return undefined;
}

/** Title of a test that needs the shared data; the summary shows where it did not run. */
export function sharedTitle(title: string): string {
  return sharedData() === undefined ? `${title} [not run: CLAWGYM_DATA is not set]` : title;
}
