import { z } from 'zod';
import { parseJson } from '../../src/base/brand.ts';
import { LABELS } from '../../src/protocol/pod-contract.ts';
import type { NodeLayer } from '../../test/cluster/node/node-layer.ts';
import { waitUntil } from '../../test/cluster/wait-until.ts';
import type { Installation } from '../../test/support/installation.ts';
import { KILL_ME } from './hostile-agent.ts';

const KILL_SECONDS = 900;

const zPods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({ nodeName: z.string().optional() }),
      status: z.object({
        containerStatuses: z
          .array(
            z.object({
              containerID: z.string().optional(),
              state: z.object({ running: z.object({}).optional() }),
            }),
          )
          .optional(),
      }),
    }),
  ),
});

/**
 * Does to the agent that asks for it what cgroup v2 does to a container out of memory: all of it is
 * killed at once, its first process too. Resolves when that is done, or with the signal.
 */
export async function killFromOutside(
  layer: NodeLayer,
  installation: Installation,
  over: AbortSignal,
): Promise<void> {
  const selector = `${LABELS.sandbox}=true,${LABELS.phase}=rollout`;
  await waitUntil(
    async () => {
      if (over.aborted) return true;
      const list = await installation.kubectl(['get', 'pods', '-l', selector, '-o', 'json']);
      for (const { metadata, spec, status } of zPods.parse(parseJson(list)).items) {
        const [agent] = status.containerStatuses ?? [];
        if (agent?.state.running === undefined || agent.containerID === undefined) continue;
        const log = ['logs', metadata.name, '--container', 'agent', '--limit-bytes', '200'];
        const said = await installation.kubectl(log).catch(() => '');
        if (!said.includes(KILL_ME)) continue;
        await layer.node(spec.nodeName ?? '').killFirstProcess(agent.containerID);
        return true;
      }
      return false;
    },
    { what: 'the agent that will be killed runs', seconds: KILL_SECONDS },
  );
}
