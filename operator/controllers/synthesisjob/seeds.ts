import type { SeedTexts } from '../../../src/protocol/synthesis-server.ts';
import { isNotFound } from '../../kube/base/kube-error.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import type { SynthesisJob } from '../shared/kinds.ts';
import { configMaps } from '../shared/kube-kinds.ts';

export type ReadSeeds =
  | { readonly kind: 'seeds'; readonly seeds: SeedTexts }
  | { readonly kind: 'problem'; readonly message: string };

class SeedProblem extends Error {}

/**
 * Seeds of ConfigMaps, read once when the job is planned: the server sees no objects. What lies on a path
 * is left to the server, which refuses it with the field.
 */
export async function readSeeds(
  client: KubeClient,
  { metadata: { namespace }, spec: { routes } }: SynthesisJob,
  signal: AbortSignal,
): Promise<ReadSeeds> {
  const read = async (field: string, name: string, key: string | undefined) => {
    const place = `ConfigMap ${namespace}/${name}`;
    const data = await dataOf(client, { namespace, name }, signal);
    if (data === undefined) throw new SeedProblem(`${field}: there is no ${place}; create it`);
    const keys = Object.keys(data).slice(0, 20).join(', ') || 'none';
    if (key === undefined) return { place, data };
    const text = data[key];
    if (text === undefined)
      throw new SeedProblem(`${field}: ${place} has no key ${JSON.stringify(key)}; it has ${keys}`);
    return { place: `${place}, key ${key}`, data: { [key]: text } };
  };
  try {
    const personas = routes.personas?.source?.configMap;
    const skills = routes.skills?.source?.configMap;
    const people =
      personas &&
      (await read('spec.routes.personas.source.configMap', personas.name, personas.key));
    const able =
      skills && (await read('spec.routes.skills.source.configMap', skills.name, skills.key));
    return {
      kind: 'seeds',
      seeds: {
        ...(people !== undefined && {
          personas: { place: people.place, text: Object.values(people.data).join('\n') },
        }),
        ...(able !== undefined && { skills: { place: able.place, texts: able.data } }),
      },
    };
  } catch (thrown) {
    if (!(thrown instanceof SeedProblem)) throw thrown;
    return { kind: 'problem', message: thrown.message };
  }
}

async function dataOf(
  client: KubeClient,
  key: { readonly namespace: string | undefined; readonly name: string },
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    return (await client.for(configMaps).get(key, { signal })).data ?? {};
  } catch (thrown) {
    if (isNotFound(thrown)) return undefined;
    throw thrown;
  }
}
