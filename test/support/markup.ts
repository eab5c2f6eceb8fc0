/** One tag of a page, as a browser's tokenizer would see it. */
export interface Tag {
  readonly name: string;
  readonly closing: boolean;
  /** Attribute values with entities still in place. */
  readonly attributes: ReadonlyMap<string, string>;
}

const VOID = new Set(['meta', 'br', 'hr', 'img', 'input', 'link']);

/**
 * The tags of a page. Throws at anything that our own templates never write: an attribute without
 * quotes, a bare `<`, a tag that is not closed in order.
 */
export function parseTags(page: string): readonly Tag[] {
  const tags: Tag[] = [];
  const open: string[] = [];
  const token =
    /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z][a-z0-9:-]*(?:="[^"<>]*")?)*)\s*(\/?)>|<!doctype html>|</gi;
  let at = 0;
  for (let found = token.exec(page); found !== null; found = token.exec(page)) {
    if (found[0].toLowerCase() === '<!doctype html>') continue;
    const name = found[2]?.toLowerCase();
    if (name === undefined)
      throw new Error(`bare "<" at ${page.slice(found.index, found.index + 60)}`);
    const closing = found[1] === '/';
    tags.push({ name, closing, attributes: attributesOf(found[3] ?? '') });
    if (closing && open.pop() !== name) throw new Error(`</${name}> closes nothing`);
    if (!closing && !VOID.has(name) && found[4] !== '/') open.push(name);
    at = token.lastIndex;
    // a style sheet is raw text up to its end tag
    if (name === 'style' && !closing) token.lastIndex = page.indexOf('</style>', at);
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(', ')}`);
  return tags;
}

function attributesOf(text: string): Map<string, string> {
  const pairs = text.matchAll(/([a-z][a-z0-9:-]*)(?:="([^"]*)")?/gi);
  return new Map(Array.from(pairs, ([, name = '', value = '']) => [name.toLowerCase(), value]));
}

/** Text content of a page, tags removed and entities decoded. */
export function textOf(page: string): string {
  return page
    .replaceAll(/<style>.*?<\/style>/gs, '')
    .replaceAll(/<[^>]*>/g, '\u0000')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&#96;', '`')
    .replaceAll('&amp;', '&');
}
