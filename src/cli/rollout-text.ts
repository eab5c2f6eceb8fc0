import { plainText, terminalText } from '../base/plain-text.ts';
import type { Finding, Score } from '../rollouts/outcome.ts';
import type { VerificationRow } from '../store/records.ts';
import { podLines } from './pod-text.ts';
import type { AttemptDetail, CallDetail, RolloutDetail } from './rollout-detail.ts';

/** The kubectl-describe-like form of `clawgym show`; `name` is the rollout's id as people know it. */
export function rolloutText({ rollout, attempts }: RolloutDetail, name: string): string {
  const { decision } = rollout;
  const lines = [
    field('Rollout', name),
    field('Task', `${rollout.taskId} (${rollout.taskDigest.slice(0, 12)})`),
    field('Outcome', decision ? withReason(decision.outcome, decision.reason) : 'undecided'),
  ];
  if (decision) {
    lines.push(field('Score', scoreText(decision.score)));
    if (decision.asLeft) lines.push(field('As left', scoreText(decision.asLeft)));
    lines.push(
      ...section(
        'Checks',
        decision.checks.map(({ name, value }) => `${value}  ${name}`),
      ),
    );
    lines.push(...section('Findings', decision.findings.map(findingLine)));
  }
  for (const attempt of attempts) lines.push('', ...attemptLines(attempt));
  return terminalText(`${lines.join('\n')}\n`);
}

function attemptLines(detail: AttemptDetail): string[] {
  const { attempt, calls, verifications, pods, branchesUnknown } = detail;
  const { harness, end, close } = attempt;
  return [
    `Attempt ${attempt.number}`,
    field('  Agent', `${harness.name} ${harness.version} (${harness.configDigest.slice(0, 12)})`),
    field(
      '  Ended',
      end
        ? `${end.agent.reason}, exit ${end.agent.exitCode ?? end.agent.signal}, ${end.agent.seconds.toFixed(1)}s`
        : '-',
    ),
    field('  Class', close ? withReason(close.class, close.reason) : 'open'),
    // Those of the attempt that counts stand above.
    ...(close?.class === 'infra_error'
      ? section('  Findings', (end?.findings ?? []).map(findingLine))
      : []),
    field('  Workspace', end?.snapshot?.slice(0, 12) ?? end?.refused ?? '-'),
    ...section('  Model calls', calls.map(callLine)),
    ...(branchesUnknown === undefined
      ? []
      : [field('  Branches', `not known: ${plainText(branchesUnknown)}`)]),
    ...section('  Verifications', verifications.map(verificationLine)),
    ...section('  Pods', pods.flatMap(podLines)),
  ];
}

const findingLine = ({ code, message }: Finding): string => `${code}: ${message}`;

function callLine({ sequence, finish, branch }: CallDetail): string {
  if (finish === undefined) return `${sequence}  in flight or lost`;
  const tokens = `${finish.inputTokens ?? '?'} in, ${finish.outputTokens ?? '?'} out`;
  // That a call has no complete answer is in its result already.
  const aside = branch === 'retry' || branch === 'side' ? `, ${branch}` : '';
  return `${sequence}  ${finish.result} ${finish.status}, ${tokens} tokens${aside}`;
}

function verificationLine(row: VerificationRow): string {
  const python = row.grader.python === '' ? '' : `, Python ${row.grader.python}`;
  const words = row.message === '' ? '' : `: ${row.message}`;
  return `${row.kind}  ${row.status}, native ${row.native ?? '-'}, flat ${row.flat ?? '-'}, ${row.seconds.toFixed(2)}s${python}${words}`;
}

function scoreText(score: Score): string {
  return `${score.final ?? '-'} (native ${score.native ?? '-'}, flat ${score.flat ?? '-'}, rubric ${score.rubric ?? '-'})`;
}

function withReason(what: string, reason: string): string {
  return reason === '' ? what : `${what} (${reason})`;
}

function field(name: string, value: string): string {
  return `${`${name}:`.padEnd(14)} ${value}`;
}

function section(name: string, rows: readonly string[]): string[] {
  if (rows.length === 0) return [];
  const indent = name.startsWith('  ') ? '    ' : '  ';
  return [`${name}:`, ...rows.map((row) => `${indent}${row}`)];
}
