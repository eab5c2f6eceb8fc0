import { z } from 'zod';
import { parseJson } from '../../src/base/brand.ts';
import { clawgym } from './clawgym.ts';
import type { HostileAgent } from './hostile-agent.ts';
import type { Ended } from './hostile-endings.ts';

const zDetail = z.object({
  attempts: z.array(z.object({ verifications: z.array(z.object({ kind: z.string() })) })),
});

/**
 * The ends with the kinds of the verifications, for the agents that must have certain ones: a score alone
 * does not say whether anybody tried again before the agent was blamed.
 *
 * @param access Where `clawgym show` finds the rollouts.
 * @throws where a rollout cannot be shown
 */
export async function withVerifications(
  agents: readonly HostileAgent[],
  ends: ReadonlyMap<string, Ended>,
  access: readonly string[],
): Promise<ReadonlyMap<string, Ended>> {
  const all = new Map(ends);
  for (const { name, verifications } of agents) {
    const end = all.get(name);
    if (verifications === undefined || end === undefined) continue;
    const show = await clawgym(['show', end.rollout, ...access, '--output', 'json']);
    if (show.exitCode !== 0) throw new Error(`clawgym show ${end.rollout}: ${show.stderr}`);
    const { attempts } = zDetail.parse(parseJson(show.stdout));
    const rows = attempts.flatMap((attempt) => attempt.verifications);
    all.set(name, { ...end, verifications: rows.map(({ kind }) => kind) });
  }
  return all;
}
