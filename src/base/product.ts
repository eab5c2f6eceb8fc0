/** Name and version of the product, as reports and builtin agents carry them. */
export const PRODUCT = { name: 'clawgym-operator', version: '0.1.0' } as const;
