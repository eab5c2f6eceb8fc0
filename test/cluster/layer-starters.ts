import { z } from 'zod';
import { ClawError } from '../../src/base/error.ts';
import { startApiServerLayer } from './apiserver-layer.ts';
import type { HostEnv } from './cluster-host.ts';
import type { LayerName, LayerStarter } from './layer.ts';

/** Environment variable that chooses what a cluster is made of; `programs` where it is not set. */
const PROVIDER = 'CLAWGYM_CLUSTER_PROVIDER';
const zProvider = z.enum(['programs', 'k3s']).default('programs');

/** The function that starts a layer; its module is loaded only where it is used. */
export async function layerStarter(layer: LayerName, env: HostEnv): Promise<LayerStarter> {
  const provider = zProvider.safeParse(env[PROVIDER] === '' ? undefined : env[PROVIDER]);
  if (!provider.success) {
    const given = JSON.stringify(env[PROVIDER]);
    throw new ClawError('InvalidInput', `${PROVIDER} is ${given}: expected programs or k3s`);
  }
  return provider.data === 'k3s' ? await k3sStarter(layer) : await programStarter(layer);
}

async function k3sStarter(layer: LayerName): Promise<LayerStarter> {
  if (layer === 'scale') {
    throw new ClawError(
      'InvalidInput',
      `the layer scale has simulated nodes only: run it without ${PROVIDER}`,
    );
  }
  const { startK3sLayer } = await import('./k3s-layer.ts');
  return startK3sLayer;
}

async function programStarter(layer: LayerName): Promise<LayerStarter> {
  switch (layer) {
    case 'apiserver':
      return startApiServerLayer;
    case 'scale': {
      const { startScaleLayer } = await import('./scale-layer.ts');
      return startScaleLayer;
    }
    case 'node': {
      const { startNodeLayer } = await import('./node/start-node-layer.ts');
      return startNodeLayer;
    }
  }
}
