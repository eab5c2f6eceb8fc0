import { z } from 'zod';
import type { ClusterHost } from './cluster-host.ts';

/** Layers of the test cluster, each with everything of the one before it but for `node`. */
export const zLayerName = z.enum(['apiserver', 'scale', 'node']);
export type LayerName = z.infer<typeof zLayerName>;
export const LAYER_NAMES = zLayerName.options;

/** How a layer is started; the same for people, tests and scripts, and safe to pass as JSON. */
export const zLayerOptions = z.object({
  /** Kubernetes release of the control plane; `floor` is the oldest supported one. */
  release: z.enum(['current', 'floor']).optional(),
  /** Simulated nodes of the scale layer; 20 where left out. */
  simulatedNodes: z.number().int().positive().optional(),
  /** Further flags of programs, `--name=value`. */
  apiServerFlags: z.array(z.string()).optional(),
  controllerManagerFlags: z.array(z.string()).optional(),
});
export type LayerOptions = Readonly<z.infer<typeof zLayerOptions>>;

/** What a layer hands back once everything in it is ready. */
export interface StartedLayer {
  /** Path of a cluster administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Path of a kubectl that fits. */
  readonly kubectl: string;
  /** What tests of this layer need to know beyond that, for example a node's process id. */
  readonly facts?: Readonly<Record<string, string>>;
  /** Runs before the programs are stopped, the last started first, and the ledger is undone. */
  readonly stop?: () => Promise<void>;
}

/** Starts a layer with the programs and the ledger of the host; throws where it cannot. */
export type LayerStarter = (host: ClusterHost, options: LayerOptions) => Promise<StartedLayer>;
