import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sha256 } from '../../src/base/digest.ts';
import { cliEnvironment } from '../../src/cli/environment.ts';
import { reinforceLocal } from '../../src/cli/reinforce/reinforce-local.ts';
import { stderrLogger } from '../../src/cli/stderr-logger.ts';
import { trainerPrograms } from '../../src/cli/training/trainer-programs.ts';
import type { StepGroup } from '../../src/trajectories/tokens/token-batch.ts';
import { bedRequest } from './rl-bed.ts';

/**
 * The coordinator of claim-rl.ts as a process of its own, to be killed and started again. Prints its end as
 * JSON. `--permuted`: every group's rewards in another order, drawn from the ids of its rollouts.
 */
const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '' },
    steps: { type: 'string', default: '12' },
    permuted: { type: 'boolean', default: false },
  },
});

function permuted(group: StepGroup): StepGroup {
  const order = group.rollouts
    .map(({ rollout, reward }) => ({ reward, key: sha256(`control ${rollout}`) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const rollouts = group.rollouts.map((one, at) => ({ ...one, reward: order[at]?.reward }));
  return { ...group, rollouts };
}

const { folder } = values;
const environment = cliEnvironment();
const say = (text: string): void => void process.stderr.write(text);
const logger = stderrLogger(say);
const signal = AbortSignal.timeout(900_000);
const programs = await trainerPrograms(environment, logger, signal);
const end = await reinforceLocal(await bedRequest(folder, Number(values.steps)), {
  ...{ environment, out: join(folder, 'run'), programs, logger, signal, say },
  ...(values.permuted && { reshape: (groups: readonly StepGroup[]) => groups.map(permuted) }),
});
process.stdout.write(`${JSON.stringify(end)}\n`);
