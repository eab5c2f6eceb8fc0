import { sharedDataFolder, whyNoSharedData } from '../../scripts/shared-data.ts';

let told = false;

/** The folder for tests; says in one visible line, once a process, where they do not run. */
export function sharedData(): string | undefined {
  const folder = sharedDataFolder();
  if (folder === undefined && !told) {
    told = true;
    process.stderr.write(`${whyNoSharedData()}: tests on the shared benchmark data do not run\n`);
  }
  return folder;
}
