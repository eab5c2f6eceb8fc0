import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { circleLineage } from './full-circle/lineage.ts';
import { runCircle } from './full-circle/run-circle.ts';

/**
 * `npm run full-circle`: from personas to a better model on this machine, and where that model comes from.
 * The same command goes on where it was stopped. `--seed N` runs it with other seeds.
 */
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'out/full-circle' },
    seed: { type: 'string', default: '0' },
    port: { type: 'string', default: '18017' },
  },
});
const whole = (name: 'seed' | 'port', most: number): number => {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number >= 0 && number <= most) return number;
  process.stderr.write(
    `error: --${name} ${values[name]}: expected a whole number from 0 to ${most}\n`,
  );
  process.exit(2);
};
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
const work = resolve(values.out);
const [seed, port] = [whole('seed', 1_000_000), whole('port', 65_535)];
const code = await runCircle({ work, seed, port, signal: stop.signal });
if (code === 0) {
  const { lines, problems } = await circleLineage(work, 'rl');
  process.stdout.write(`\n${[...lines, ...problems].join('\n')}\n`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} else process.exitCode = code;
