import { median } from '../src/base/statistics.ts';
import { Claim } from './support/claim.ts';
import { clawgym } from './support/clawgym.ts';

/** Claim local/11: `clawgym --help` answers within 200 ms, median of 10 after a warm-up. */
const LIMIT_MS = 200;
await clawgym(['--help']);
const times: number[] = [];
for (let round = 0; round < 10; round += 1) times.push((await clawgym(['--help'])).seconds * 1000);
const claim = new Claim();
const figure = median(times) ?? Number.NaN;
claim.check(figure <= LIMIT_MS, `median ${figure.toFixed(0)} ms is above ${LIMIT_MS} ms`);
claim.finish(`median ${figure.toFixed(0)} ms`);
