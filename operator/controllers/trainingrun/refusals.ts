/** Answers of the API server that time alone does not change. */
export const REFUSALS: ReadonlySet<string> = new Set(['NotOwned', 'Forbidden', 'Invalid']);
