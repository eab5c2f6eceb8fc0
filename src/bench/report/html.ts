import { UNSAFE_CHARACTERS } from '../../base/plain-text.ts';

/** Markup that is safe to write out: everything dynamic in it went through `escapeText`. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | undefined | false | readonly Content[];

/** Template tag: literal parts are markup, values are escaped text unless they are `Markup`. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  const text = parts.map((part, index) => part + render(values[index])).join('');
  return new Markup(text);
}

function render(value: Content): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'string') return escapeText(value);
  if (typeof value === 'number') return String(value);
  return value.map(render).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/**
 * Text from anywhere, a sandbox included, as harmless visible text: markup is escaped, control
 * characters become escapes such as \n, and characters that reorder or hide text become their code.
 */
export function escapeText(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[&<>"'`]/g, (char) => ENTITIES[char] ?? '')
    .replaceAll(UNSAFE_CHARACTERS, visible);
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function visible(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code > 0x7f) return `[U+${code.toString(16).toUpperCase().padStart(4, '0')}]`;
  return ESCAPES[char] ?? `\\x${code.toString(16).padStart(2, '0')}`;
}

/** Cuts long text in its middle: names differ at their ends. `limit` in UTF-16 units. */
export function clip(text: string, limit = 240): string {
  if (text.length <= limit) return text;
  const tail = Math.floor(limit / 3);
  return `${text.slice(0, limit - tail)} … ${text.slice(-tail)}`.toWellFormed();
}
