/**
 * `@peculiar/x509` registers its own algorithms through a container that refuses to load without
 * the metadata functions of an old decorator proposal, and asks them only for constructor parameters,
 * which none of its classes has. Three functions that know nothing are all it needs. Loaded at the
 * first certificate that is made: a server that finds a good one never needs it.
 */
export async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  for (const name of ['getMetadata', 'getOwnMetadata', 'defineMetadata']) {
    if (name in Reflect) continue;
    Object.defineProperty(Reflect, name, { value: () => undefined, configurable: true });
  }
  return await import('@peculiar/x509');
}
