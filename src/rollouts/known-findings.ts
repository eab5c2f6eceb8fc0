import { FINDING_CODES, type Finding } from './outcome.ts';

/** The findings that this release has a word for: a newer program may name others. */
export function knownFindings(
  findings: readonly { readonly code: string; readonly message: string }[],
): readonly Finding[] {
  return findings.flatMap(({ code, message }) => {
    const known = FINDING_CODES.find((name) => name === code);
    return known === undefined ? [] : [{ code: known, message }];
  });
}
