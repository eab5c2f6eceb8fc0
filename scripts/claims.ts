import { writeFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { ClawError } from '../src/base/error.ts';
import { loadClaimFiles, TIERS, type Tier } from './claims/claim-file.ts';
import { type ClaimsSummary, claimsPage, claimsPagePath, runClaims } from './claims/run-claims.ts';
import { runGenerator } from './generated-file.ts';
import { sharedDataFolder, whyNoSharedData } from './shared-data.ts';

const USAGE = `npm run claims [-- [KEY[.NUMBER]...] [--tier ci|full] [--json] [--json-file FILE]]
    [--at-once N]   so many beside each other, the long ones first; those that measure time still alone
    [--again]       one that fails runs once more, and is told of
npm run claims -- --page          rewrite docs/claims.md without running anything
npm run claims -- --page --check  fail where docs/claims.md does not list the claims as they are`;

/** Runs the claims of docs/claims; exits non-zero where one fails. */
async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      tier: { type: 'string' },
      'at-once': { type: 'string', default: '1' },
      again: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      'json-file': { type: 'string' },
      page: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const root = join(import.meta.dirname, '..');
  if (values.page) {
    const files = await loadClaimFiles(join(root, 'docs', 'claims'));
    const page = { path: claimsPagePath(root), content: await claimsPage(root, files, []) };
    return runGenerator(root, [page], { check: values.check, command: 'npm run generate' });
  }
  const summary = await runClaims({
    root,
    logFolder: join(root, 'out', 'claims'),
    keys: positionals,
    tier: tierOf(values.tier),
    atOnce: atOnceOf(values['at-once']),
    again: values.again,
    clock: systemClock,
    host: hostSize(),
    noData: sharedDataFolder() === undefined ? whyNoSharedData() : undefined,
    signal: untilInterrupted(),
    print: values.json ? (line) => console.error(line) : (line) => console.log(line),
  });
  if (summary.results.length === 0 && summary.failed + summary.notRun === 0) {
    throw new ClawError('NotFound', 'no claim fits the key and the tier: nothing was shown');
  }
  const report = JSON.stringify(summary, undefined, 2);
  if (values['json-file'] !== undefined) await writeFile(values['json-file'], `${report}\n`);
  console.log(values.json ? report : table(summary));
  return summary.failed === 0 ? 0 : 1;
}

function tierOf(name: string | undefined): Tier | undefined {
  if (name === undefined) return undefined;
  const tier = TIERS.find((known) => known === name);
  if (tier === undefined) {
    throw new ClawError('InvalidInput', `--tier ${name}: expected ${TIERS.join(' or ')}`);
  }
  return tier;
}

function atOnceOf(text: string): number {
  const atOnce = Number(text);
  if (Number.isInteger(atOnce) && atOnce >= 1) return atOnce;
  throw new ClawError('InvalidInput', `--at-once ${text}: expected a whole number from 1`);
}

/** What this process may use: the container's memory where it is less than the host's. */
function hostSize(): string {
  const constrained = process.constrainedMemory();
  const bytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return `${availableParallelism()} cores, ${Math.round(bytes / 2 ** 30)} GiB`;
}

function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => controller.abort(new ClawError('Cancelled', 'interrupted'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  return controller.signal;
}

function table({ results, passed, failed, notRun, secondTries }: ClaimsSummary): string {
  const left = notRun === 0 ? '' : `, ${notRun} not run`;
  const rows = results.map(
    ({ key, number, result, figure, seconds }) =>
      `${`${key}.${number}`.padEnd(16)} ${result.padEnd(6)} ${`${seconds} s`.padStart(7)}  ${figure}`,
  );
  const again = secondTries.map(
    ({ key, number, figure }) => `${key}.${number} held at its second try; the first: ${figure}`,
  );
  return ['', ...rows, ...again, `claims: ${passed} passed, ${failed} failed${left}`].join('\n');
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (thrown) {
  if (!(thrown instanceof ClawError)) throw thrown;
  console.error(thrown.message);
  process.exitCode = 2;
}
