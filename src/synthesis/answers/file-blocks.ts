import { unsafePathReason } from '../../tasks/task-paths.ts';
import { type Parsed, withoutReasoning } from './extract-json.ts';

/** A text file that a model wrote. */
export interface WrittenFile {
  readonly path: string;
  readonly text: string;
}

const HEAD = /^===FILE: (.+?)===\s*$/;
const END = /^===END===\s*$/;
const MAX_FILES = 40;
const MAX_BYTES = 1024 * 1024;

/**
 * The files of an answer, each between a line `===FILE: path===` and a line `===END===`. Everything
 * outside of blocks is talk and dropped. Paths are checked here; what the files hold is not.
 */
export function fileBlocks(answer: string): Parsed<readonly WrittenFile[]> {
  const files: WrittenFile[] = [];
  let open: { path: string; lines: string[] } | undefined;
  for (const line of withoutReasoning(answer).split(/\r?\n/)) {
    const path = HEAD.exec(line)?.[1]?.trim();
    if (open === undefined) {
      if (path !== undefined) open = { path, lines: [] };
    } else if (END.test(line)) {
      files.push({ path: open.path, text: contentOf(open.lines) });
      open = undefined;
    } else if (path === undefined) open.lines.push(line);
    else return wrong(`the file ${quoted(open.path)} has no ===END=== before the next file`);
  }
  if (open !== undefined) return wrong(`the file ${quoted(open.path)} has no ===END===`);
  return checked(files);
}

function checked(files: readonly WrittenFile[]): Parsed<readonly WrittenFile[]> {
  if (files.length > MAX_FILES)
    return wrong(`it holds ${files.length} files, more than ${MAX_FILES}`);
  const seen = new Set<string>();
  let bytes = 0;
  for (const { path, text } of files) {
    const unsafe = unsafePathReason(path);
    if (unsafe !== undefined) return wrong(`the path ${quoted(path)} ${unsafe}`);
    if (seen.has(path)) return wrong(`the file ${quoted(path)} comes twice`);
    seen.add(path);
    bytes += Buffer.byteLength(text);
  }
  if (bytes > MAX_BYTES) return wrong(`its files have ${bytes} bytes, more than ${MAX_BYTES}`);
  return { ok: true, value: files };
}

/** Text files end with a line end. */
function contentOf(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

const quoted = (path: string): string => JSON.stringify(path.slice(0, 120));
const wrong = (problem: string): Parsed<never> => ({ ok: false, problem });
