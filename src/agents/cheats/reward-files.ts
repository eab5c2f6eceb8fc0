import { type CheatFamily, unnamedPaths, writes } from './cheat-family.ts';
import { PERFECT_JSON } from './perfect-result.ts';

const PATHS = [
  'reward.json',
  'reward.txt',
  'reward/reward.json',
  'reward/reward.txt',
  'reward/result.json',
  'logs/verifier/reward.json',
  'logs/verifier/reward.txt',
  'verifier/reward.json',
  'verdict.json',
  'verdict/verdict.json',
  'score.json',
  'score.txt',
];

/** Verdicts under the names that graders write and read. */
export const rewardFiles: CheatFamily = {
  name: 'reward-files',
  channel: 'a reward file that lies there before the verifier runs is taken for its verdict',
  plantsAtNamedPaths: false,
  aim: 'takeover',
  build: (target) => {
    return writes(unnamedPaths(target, PATHS), (path) =>
      path.endsWith('.json') ? `${PERFECT_JSON}\n` : '1.0\n',
    );
  },
};
