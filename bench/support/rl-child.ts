import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sha256 } from '../../src/base/digest.ts';
import { cliEnvironment } from '../../src/cli/environment.ts';
import { reinforceLocal } from '../../src/cli/reinforce/reinforce-local.ts';
import { stderrLogger } from '../../src/cli/stderr-logger.ts';
import { PYTHON_GUARD } from '../../src/engines/local/guarded-program.ts';
import type { StepGroup } from '../../src/trajectories/tokens/token-batch.ts';
import { bedRequest } from './rl-bed.ts';

/**
 * The coordinator of claim-rl.ts as a process of its own, to be killed and started again. Prints its end as
 * JSON. `--permuted`: every group's rewards in another order, drawn from the ids of its rollouts.
 */
const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '' },
    python: { type: 'string', default: 'python3' },
    path: { type: 'string', default: '' },
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

const { folder, python, path } = values;
const environment = cliEnvironment();
const say = (text: string): void => void process.stderr.write(text);
const guarded = (module: string): string[] => [python, '-c', PYTHON_GUARD, module];
const end = await reinforceLocal(await bedRequest(folder, Number(values.steps)), {
  ...{ environment, out: join(folder, 'run'), logger: stderrLogger(say), say },
  signal: AbortSignal.timeout(900_000),
  programs: {
    policyServer: guarded('clawgym_trainer.policy_server'),
    tokenGrpo: guarded('clawgym_trainer.token_grpo'),
    env: Object.fromEntries([
      ...Object.entries(environment.env).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      ),
      ['PYTHONPATH', path] as const,
    ]),
  },
  ...(values.permuted && { reshape: (groups: readonly StepGroup[]) => groups.map(permuted) }),
});
process.stdout.write(`${JSON.stringify(end)}\n`);
