import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Clock } from '../../src/base/clock.ts';
import { InTurn } from '../../src/base/in-turn.ts';
import { runLimited } from '../../src/base/run-limited.ts';
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
  /** Claims that run beside each other; those that need the host for themselves never do. Default 1. */
  readonly atOnce?: number;
  /** Runs a claim that failed once more; what holds only then is in `secondTries`. */
  readonly again?: boolean;
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
  /** First results of claims that failed, and held when they ran again. */
  readonly secondTries: readonly ClaimResult[];
}

/**
 * Runs the selected claims and rewrites the page after each, so that an interrupted run keeps what it
 * showed. Claims that were cancelled or need data that is not here leave
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
  const done = new Map<SelectedClaim, ClaimResult>();
  const secondTries: ClaimResult[] = [];
  const turns = new InTurn();
  const inOrder = (): ClaimResult[] =>
    selected.flatMap((claim) => {
      const result = done.get(claim);
      return result === undefined ? [] : [result];
    });
  for (const { claims, atOnce } of claimGroups(selected, options.atOnce ?? 1)) {
    await runLimited(
      claims,
      atOnce,
      async (claim) => {
        const place = `[${selected.indexOf(claim) + 1}/${selected.length}]`;
        const first = await runOne(claim, place, options);
        const failed = first?.result === 'fails' && options.again === true;
        const last = failed ? await runOne(claim, `${place} again:`, options) : first;
        if (last === undefined) return;
        if (failed && last.result === 'holds') secondTries.push(first);
        done.set(claim, last);
        await turns.run('page', () => updateClaimsPage(options.root, files, inOrder()));
      },
      options.signal,
    );
  }
  const results = inOrder();
  if (results.length === 0) await updateClaimsPage(options.root, files, []);
  const passed = results.filter((result) => result.result === 'holds').length;
  const failed = selected.length - passed;
  return { passed, failed, notRun: left.length, results, secondTries };
}

/** Claims that run at the same time, at most so many; groups follow each other. */
export interface ClaimGroup {
  readonly claims: readonly SelectedClaim[];
  readonly atOnce: number;
}

/**
 * One after the other the claims stay in their order. Beside each other the long ones begin first, and
 * those that need the host for themselves come after all others, in their order.
 */
export function claimGroups(
  claims: readonly SelectedClaim[],
  atOnce: number,
): readonly ClaimGroup[] {
  if (atOnce <= 1) return [{ claims, atOnce: 1 }];
  const alone = claims.filter((claim) => claim.alone === true);
  const beside = claims
    .filter((claim) => claim.alone !== true)
    .toSorted((one, other) => other.minutes - one.minutes);
  return [
    { claims: beside, atOnce },
    { claims: alone, atOnce: 1 },
  ];
}

async function runOne(
  claim: SelectedClaim,
  place: string,
  options: ClaimsOptions,
): Promise<ClaimResult | undefined> {
  const name = `${claim.key}.${claim.number}`;
  options.print(`${place} ${name} ${claim.sentence} (about ${claim.minutes} min)`);
  const logFile = join(options.logFolder, `${claim.key}-${claim.number}.log`);
  const shown = relative(options.root, logFile);
  const beat = setInterval(() => options.print(`    ${name} still running, log: ${shown}`), 60_000);
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
      ? `    ${name} holds: ${figure} (${seconds} s)`
      : `    ${name} FAILS: ${outcome.reason}; last line: ${figure || 'none'} (${seconds} s); log: ${shown}`,
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
