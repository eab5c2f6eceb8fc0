/** Ascending indexes as ranges, as Kubernetes writes them: `0-4,7,9-11`. Empty for none. */
export function indexRanges(indexes: Iterable<number>): string {
  const parts: string[] = [];
  let from = -1;
  let to = -1;
  const flush = (): void => {
    if (from >= 0) parts.push(from === to ? String(from) : `${from}-${to}`);
  };
  for (const index of indexes) {
    if (from >= 0 && index === to + 1) {
      to = index;
      continue;
    }
    flush();
    from = index;
    to = index;
  }
  flush();
  return parts.join(',');
}
