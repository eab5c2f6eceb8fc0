/**
 * Resource versions of one resource are comparable decimal integers without an upper bound
 * (KEP-5504): compared by length, then by text, since they exceed 2^53.
 */
export function compareResourceVersions(left: string, right: string): number {
  const a = strip(left);
  const b = strip(right);
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The larger of two versions. */
export function newerResourceVersion(left: string, right: string): string {
  return compareResourceVersions(left, right) >= 0 ? left : right;
}

function strip(version: string): string {
  return version.replace(/^0+(?=\d)/, '');
}
