/** RFC 3339 with whole seconds, as `metav1.Time` is written. */
export function stampSeconds(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 with six digits of a second, as `metav1.MicroTime` is written. */
export function stampMicro(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}
