import type { TextCase } from './mutants.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Step = string | number;

/** One change at one place of a document: dropped, doubled, swapped or altered values. */
export function jsonMutants(text: string, topOrderMatters: boolean): TextCase[] {
  const document = JSON.parse(text) as Json;
  const mutants: TextCase[] = [];
  const add = (what: string, path: readonly Step[], change: (old: Json) => Json): void => {
    const changed = JSON.stringify(edit(document, path, change));
    if (changed !== JSON.stringify(document)) {
      mutants.push({ name: `${what} ${path.join('.')}`, text: changed });
    }
  };
  visit(document, [], (value, path) => {
    for (const [what, altered] of alterations(value)) add(what, path, () => altered);
    if (isArray(value)) {
      for (const [index, item] of value.entries()) {
        add('dropped', [...path, index], () => DROPPED as never);
        add('doubled', path, () => value.toSpliced(index, 0, item));
        const next = value[index + 1];
        if (next === undefined || (path.length === 0 && !topOrderMatters)) continue;
        add('moved down', path, () => value.with(index, next).with(index + 1, item));
      }
    } else if (isObject(value)) {
      const keys = Object.keys(value);
      for (const [index, key] of keys.entries()) {
        add('dropped', [...path, key], () => DROPPED as never);
        add('renamed', path, () => renamed(value, key));
        const other = keys[index + 1];
        if (other !== undefined) add('swapped', path, () => swapped(value, key, other));
      }
    }
  });
  return mutants;
}

/** The same document in another form. */
export function jsonVariants(text: string, topOrderMatters: boolean): TextCase[] {
  const document = JSON.parse(text) as Json;
  const turned = JSON.stringify(reverseKeys(document), null, '\t');
  const variants = [
    { name: 'on one line', text: JSON.stringify(document) },
    { name: 'keys in another order', text: turned },
    { name: 'escaped', text: escapeNonAscii(JSON.stringify(document, null, 4)) },
    {
      name: 'numbers with further zeros',
      text: JSON.stringify(document, null, 1).replace(/(: -?[0-9]+)(\.[0-9]+)?(,?)$/gm, padZeros),
    },
  ];
  if (!topOrderMatters && isArray(document)) {
    variants.push({ name: 'items in another order', text: JSON.stringify(document.toReversed()) });
  }
  return variants;
}

const DROPPED = Symbol('dropped');

function alterations(value: Json): [string, Json][] {
  if (typeof value === 'number') {
    const shifted: [string, Json][] = value === 0 ? [] : [['negated', -value]];
    return [...shifted, ['a cent off', value + 0.01], ['as text', String(value)], ['no', null]];
  }
  if (typeof value === 'string')
    return [
      ['altered', `${value}x`],
      ['emptied', ''],
      ['no', null],
    ];
  if (typeof value === 'boolean') return [['negated', !value]];
  if (value === null) return [['filled', 0]];
  return [
    ['emptied', isArray(value) ? [] : {}],
    ['no', null],
  ];
}

function visit(
  value: Json,
  path: readonly Step[],
  look: (value: Json, path: readonly Step[]) => void,
): void {
  look(value, path);
  if (isArray(value)) {
    for (const [index, item] of value.entries()) visit(item, [...path, index], look);
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) visit(item, [...path, key], look);
  }
}

function edit(value: Json, path: readonly Step[], change: (old: Json) => Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return change(value);
  if (isArray(value)) {
    const edited = value.map((item, index) => (index === step ? edit(item, rest, change) : item));
    return edited.filter((item) => (item as unknown) !== DROPPED);
  }
  if (!isObject(value)) throw new Error(`no step ${step} into a scalar`);
  const entries = Object.entries(value).map(([key, item]): [string, Json] => [
    key,
    key === step ? edit(item, rest, change) : item,
  ]);
  return Object.fromEntries(entries.filter(([, item]) => (item as unknown) !== DROPPED));
}

function renamed(value: { readonly [key: string]: Json }, key: string): Json {
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name === key ? `${name}_` : name, item]),
  );
}

function swapped(value: { readonly [key: string]: Json }, one: string, other: string): Json {
  return { ...value, [one]: value[other] ?? null, [other]: value[one] ?? null };
}

function reverseKeys(value: Json): Json {
  if (isArray(value)) return value.map(reverseKeys);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).toReversed();
  return Object.fromEntries(entries.map(([key, item]) => [key, reverseKeys(item)]));
}

function escapeNonAscii(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (mark) => {
    return `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function padZeros(
  _all: string,
  whole: string,
  fraction: string | undefined,
  comma: string,
): string {
  return `${whole}${fraction ?? '.0'}0${comma}`;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
