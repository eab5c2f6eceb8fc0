import fc from 'fast-check';

/**
 * Set-up of the unit tests: where `CLAWGYM_PROPERTY_SEED` holds a whole number, all properties try the cases of
 * that seed. `npm test` sets it, so that a change is not turned away for a case that nobody had tried before;
 * `npm run test:unit` does not, and finds such cases.
 */
const given = process.env['CLAWGYM_PROPERTY_SEED'] ?? '';
if (/^-?\d+$/.test(given)) {
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(given) });
}
