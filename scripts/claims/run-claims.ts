import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Clock } from '../../src/base/clock.ts';
import {
  type ClaimFile,
  loadClaimFiles,
  type SelectedClaim,
  selectClaims,
  type Tier,
} from './claim-file.ts';
import {
  type ClaimResult,
  mergeResults,
  parseClaimsPage,
  renderClaimsPage,
} from './claims-page.ts';
import { runClaim } from './run-claim.ts';

export interface ClaimsOptions {
  /** Repository root: docs/claims is read, docs/claims.md written, commands run here. */
  readonly root: string;
  readonly logFolder: string;
  readonly keys: readonly string[];
  readonly tier: Tier | undefined;
  readonly clock: Clock;
  /** For example "2 cores, 24 GiB". */
  readonly host: string;
  /** Why claims that need the public data cannot run here; undefined: they can. */
  readonly noData: string | undefined;
  readonly signal: AbortSignal;
  /** Takes one line of progress. */
  readonly print: (line: string) => void;
}

export interface ClaimsSummary {
  readonly passed: number;
  readonly failed: number;
  /** Claims that need what this host does not have: neither shown nor refuted. */
  readonly notRun: number;
  readonly results: readonly ClaimResult[];
}

/**
 * Runs the selected claims one after the other and rewrites the page after each, so that an
 * interrupted run keeps what it showed. Claims that were cancelled or need data that is not here leave
 * their earlier row alone.
 */
export async function runClaims(options: ClaimsOptions): Promise<ClaimsSummary> {
  const files = await loadClaimFiles(join(options.root, 'docs', 'claims'));
  const wanted = selectClaims(files, options.keys, options.tier);
  const selected = wanted.filter(
    ({ needs }) => needs === undefined || options.noData === undefined,
  );
  const left = wanted.filter((claim) => !selected.includes(claim));
  if (left.length > 0) {
    const names = left.map(({ key, number }) => `${key}.${number}`).join(', ');
    options.print(`not run: ${names} (${options.noData})`);
  }
  const results: ClaimResult[] = [];
  for (const [index, claim] of selected.entries()) {
    if (options.signal.aborted) break;
    options.print(
      `[${index + 1}/${selected.length}] ${claim.key}.${claim.number} ${claim.sentence} (about ${claim.minutes} min)`,
    );
    const result = await runOne(claim, options);
    if (result === undefined) break;
    results.push(result);
    await updateClaimsPage(options.root, files, results);
  }
  if (results.length === 0) await updateClaimsPage(options.root, files, []);
  const passed = results.filter((result) => result.result === 'holds').length;
  return { passed, failed: selected.length - passed, notRun: left.length, results };
}

async function runOne(
  claim: SelectedClaim,
  options: ClaimsOptions,
): Promise<ClaimResult | undefined> {
  const logFile = join(options.logFolder, `${claim.key}-${claim.number}.log`);
  const shown = relative(options.root, logFile);
  const beat = setInterval(() => options.print(`    still running, log: ${shown}`), 60_000);
  const outcome = await runClaim(claim.command, {
    cwd: options.root,
    logFile,
    // Three times what the claim expects, and never less than two minutes.
    timeoutSeconds: Math.max(120, Math.ceil(claim.minutes * 180)),
    signal: options.signal,
  }).finally(() => clearInterval(beat));
  if (options.signal.aborted) return undefined;
  const figure = withUnit(outcome.figure, claim.unit);
  const seconds = Math.round(outcome.seconds);
  options.print(
    outcome.passed
      ? `    holds: ${figure} (${seconds} s)`
      : `    FAILS: ${outcome.reason}; last line: ${figure || 'none'} (${seconds} s); log: ${shown}`,
  );
  if (!outcome.passed) {
    for (const line of await lastLines(logFile, 15)) options.print(`    | ${line}`);
  }
  return {
    key: claim.key,
    number: claim.number,
    sentence: claim.sentence,
    result: outcome.passed ? 'holds' : 'fails',
    figure: outcome.passed ? figure : `${figure} (${outcome.reason})`.trim(),
    date: new Date(options.clock.now()).toISOString().slice(0, 10),
    host: options.host,
    seconds,
  };
}

const withUnit = (figure: string, unit: string | undefined): string =>
  unit === undefined || figure === '' ? figure : `${figure} ${unit}`;

async function lastLines(path: string, count: number): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-count);
}

/** Path of the page below the root. */
export const claimsPagePath = (root: string): string => join(root, 'docs', 'claims.md');

/** The page as it should be now: earlier rows kept, fresh ones in their place. */
export async function claimsPage(
  root: string,
  files: readonly ClaimFile[],
  fresh: readonly ClaimResult[],
): Promise<string> {
  const earlier = await readFile(claimsPagePath(root), 'utf8').catch(() => '');
  return renderClaimsPage(files, mergeResults(parseClaimsPage(earlier), fresh));
}

async function updateClaimsPage(
  root: string,
  files: readonly ClaimFile[],
  fresh: readonly ClaimResult[],
): Promise<void> {
  const page = await claimsPage(root, files, fresh);
  await mkdir(dirname(claimsPagePath(root)), { recursive: true });
  await writeFile(claimsPagePath(root), page);
}
