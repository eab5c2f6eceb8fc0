/** A level-2 section of a Markdown text. */
export interface MarkdownSection {
  readonly title: string;
  readonly body: string;
}

/** A fenced block: its info string and its lines. */
export interface MarkdownFence {
  readonly info: string;
  readonly body: string;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;

/**
 * Level-2 sections. Fence-aware: a `## ` line inside a code block is text. `strictUpstream` splits
 * at every `## ` line, as the upstream harness does, defects included.
 */
export function splitSections(text: string, strictUpstream: boolean): MarkdownSection[] {
  const sections: { title: string; lines: string[] }[] = [];
  let fence: string | undefined;
  for (const line of text.split('\n')) {
    if (!strictUpstream) fence = fenceAfter(line, fence);
    const title = fence === undefined ? /^##\s+(.+?)\s*$/.exec(line)?.[1] : undefined;
    if (title !== undefined) sections.push({ title, lines: [] });
    else sections.at(-1)?.lines.push(line);
  }
  return sections.map(({ title, lines }) => ({ title, body: lines.join('\n').trim() }));
}

/** The open fence after a line: its marks, or undefined outside of code. */
function fenceAfter(line: string, open: string | undefined): string | undefined {
  const found = FENCE.exec(line);
  const marks = found?.[1];
  if (marks === undefined) return open;
  const rest = found?.[2] ?? '';
  if (open === undefined) return marks.startsWith('`') && rest.includes('`') ? undefined : marks;
  const closes = marks[0] === open[0] && marks.length >= open.length && rest.trim() === '';
  return closes ? undefined : open;
}

/** Fenced blocks whose opening and closing marks stand alone on their lines. */
export function fencesOf(text: string): MarkdownFence[] {
  const fences: MarkdownFence[] = [];
  let open: string | undefined;
  let info = '';
  let lines: string[] = [];
  for (const line of text.split('\n')) {
    const after = fenceAfter(line, open);
    if (open === undefined && after !== undefined) {
      info = (FENCE.exec(line)?.[2] ?? '').trim();
      lines = [];
    } else if (open !== undefined && after === undefined) {
      fences.push({ info, body: lines.join('\n') });
    } else {
      lines.push(line);
    }
    open = after;
  }
  return fences;
}
