/** What `-o` takes. */
export type OutputFormat = 'table' | 'json';
