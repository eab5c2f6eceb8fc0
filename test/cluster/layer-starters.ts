import { startApiServerLayer } from './apiserver-layer.ts';
import type { LayerName, LayerStarter } from './layer.ts';

/** The function that starts a layer; its module is loaded only where it is used. */
export async function layerStarter(layer: LayerName): Promise<LayerStarter> {
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
