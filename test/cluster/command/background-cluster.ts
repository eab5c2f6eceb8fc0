import { join } from 'node:path';
import type { LayerName } from '../layer.ts';
import { stateRoot } from '../state-root.ts';

const PREFIX = 'up-';

/** Name of the one background cluster of a layer. */
export function backgroundName(layer: LayerName): string {
  return `${PREFIX}${layer}`;
}

/** Its state folder, whether it runs or not. */
export function backgroundFolder(layer: LayerName, uid: number): string {
  return join(stateRoot(uid), backgroundName(layer));
}

/** True for clusters that `up` started, false for those of tests. */
export function isBackground(name: string): boolean {
  return name.startsWith(PREFIX);
}
