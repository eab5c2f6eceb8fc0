import type { TaskFile } from '../task.ts';

/** A file of a verifier with its content as text; undefined where it is not UTF-8. */
export interface VerifierText {
  readonly file: TaskFile;
  readonly text: string | undefined;
}

/**
 * The files that a verifier runs: its entry, and what these import or start. Other files are its
 * data, among them copies of inputs that it compares with.
 */
export function verifierCode(entry: string, files: readonly VerifierText[]): readonly TaskFile[] {
  const code = new Set(files.filter(({ file }) => file.path === entry));
  for (const { text } of code) {
    if (text === undefined) continue;
    // A set's walk visits what is added on the way.
    for (const other of files) if (runs(text, other.file.path)) code.add(other);
  }
  return [...code].map(({ file }) => file);
}

/** True where a program's text imports or starts the file of that path; a mention is not enough. */
function runs(text: string, path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const module = /^([A-Za-z_]\w*)\.py$/.exec(name)?.[1];
  if (module !== undefined) {
    const dotted = `(?:[\\w.]*\\.)?${module}\\b`;
    if (new RegExp(`^[ \\t]*(?:import\\s+(?:[\\w.]+\\s*,\\s*)*|from\\s+)${dotted}`, 'm').test(text))
      return true;
  }
  const started = `(?:\\bsource|(?:^|\\s)\\.|\\bexec|\\b(?:ba)?sh|\\bpython3?)(?:\\s+-\\w+)*\\s+["']?\\S*`;
  const literal = name.replaceAll(/[^\w]/g, String.raw`\$&`);
  return new RegExp(`${started}${literal}(?![\\w.])`, 'm').test(text);
}
