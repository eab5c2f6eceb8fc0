/** That rows were cut, for people; undefined where none was. A cut row lacks the end of its conversation. */
export function cutRowsWarning(
  rows: { readonly kept: number; readonly cut?: number | undefined } | undefined,
  maxTokens: number,
): string | undefined {
  if (rows?.cut === undefined || rows.cut === 0) return undefined;
  return `${rows.cut} of the ${rows.kept} rows that were trained on are longer than context.maxTokens ${maxTokens} and were cut at their end`;
}
