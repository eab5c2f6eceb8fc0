import { describe, expect, it } from 'vitest';
import {
  nextVerification,
  type VerificationFacts,
  type VerificationResult,
} from './next-verification.ts';

const FACTS: VerificationFacts = {
  snapshot: 'present',
  refusal: '',
  protectedInputChanged: false,
  agentCode: 'none',
  knownCheckNames: undefined,
};
const CHANGED = { ...FACTS, protectedInputChanged: true };

const ok = (
  kind: VerificationResult['kind'],
  value = 1,
  names = ['a', 'b'],
): VerificationResult => ({
  kind,
  status: 'ok',
  message: '',
  checks: names.map((name) => ({ name, value })),
  flat: value,
  native: value,
  findings: [],
});
const bad = (
  kind: VerificationResult['kind'],
  status: 'crash' | 'timeout' | 'invalid' = 'crash',
): VerificationResult => ({
  ...ok(kind, 0, []),
  status,
  message: `${kind} failed`,
  flat: null,
  native: null,
});

describe('nextVerification asks for', () => {
  it.each<[string, VerificationResult[], VerificationFacts, VerificationResult['kind']]>([
    ['main first', [], FACTS, 'main'],
    ['main first, also where an input was changed', [], CHANGED, 'main'],
    ['doubled after a crash', [bad('main')], FACTS, 'doubled'],
    ['doubled after a time-out', [bad('main', 'timeout')], FACTS, 'doubled'],
    ['doubled after unusable output', [bad('main', 'invalid')], FACTS, 'doubled'],
    ['pristine after two failures', [bad('main'), bad('doubled')], FACTS, 'pristine'],
    ['asLeft beside main', [ok('main')], CHANGED, 'asLeft'],
    ['asLeft beside doubled', [bad('main'), ok('doubled')], CHANGED, 'asLeft'],
    ['asLeft beside pristine', [bad('main'), bad('doubled'), ok('pristine')], CHANGED, 'asLeft'],
    ['main where only others are there', [ok('asLeft'), ok('pristine')], CHANGED, 'main'],
  ])('%s', (_name, rows, facts, kind) => {
    expect(nextVerification(rows, facts)).toEqual({ do: 'run', kind });
    expect(nextVerification(rows.toReversed(), facts)).toEqual({ do: 'run', kind });
  });
});

describe('nextVerification decides', () => {
  it('by main where it worked', () => {
    expect(nextVerification([ok('main', 0.5)], FACTS)).toEqual({
      do: 'decide',
      code: { flat: 0.5, native: 0.5 },
      checks: ok('main', 0.5).checks,
      asLeft: undefined,
      findings: [],
    });
  });

  it('keeps the findings of the run', () => {
    const finding = { code: 'ChildKilledForMemory', message: 'm' } as const;
    const step = nextVerification([{ ...ok('main'), findings: [finding] }], FACTS);
    expect(step).toMatchObject({ do: 'decide', findings: [finding] });
  });

  it('keeps each finding of both runs once', () => {
    const a = { code: 'ProtectedInputChanged', message: 'a' } as const;
    const b = { code: 'ProtectedInputChanged', message: 'b' } as const;
    const rows = [bad('main'), bad('doubled'), ok('pristine')].map((row) => ({
      ...row,
      findings: row.kind === 'pristine' ? [] : [a, b],
    }));
    const step = nextVerification(rows, FACTS);
    expect(step).toMatchObject({ findings: [{ code: 'AgentOutputBrokeVerifier' }, a, b] });
  });

  it('by doubled, and counts a flake', () => {
    expect(nextVerification([bad('main', 'timeout'), ok('doubled', 0.5)], FACTS)).toMatchObject({
      do: 'decide',
      code: { flat: 0.5, native: 0.5 },
      findings: [{ code: 'VerifierFlake', message: expect.stringContaining('main failed') }],
    });
  });

  it('0 with the names of the pristine run where the output broke the verifier', () => {
    const rows = [bad('main'), bad('doubled'), ok('pristine', 0.25)];
    expect(nextVerification(rows, FACTS)).toMatchObject({
      do: 'decide',
      code: { flat: 0, native: 0 },
      checks: [
        { name: 'a', value: 0 },
        { name: 'b', value: 0 },
      ],
      findings: [{ code: 'AgentOutputBrokeVerifier' }],
    });
  });

  it('0 without a run where the snapshot was refused', () => {
    const facts = { ...FACTS, snapshot: 'refused', refusal: '70 MiB, at most 64' } as const;
    expect(nextVerification([], facts)).toEqual({
      do: 'decide',
      code: { flat: 0, native: 0 },
      checks: [],
      asLeft: undefined,
      findings: [{ code: 'SnapshotRefused', message: expect.stringContaining('70 MiB') }],
    });
  });

  it('nothing where the verifier fails on untouched inputs too', () => {
    const rows = [bad('main'), bad('doubled'), bad('pristine')];
    for (const facts of [FACTS, CHANGED]) {
      const step = nextVerification(rows, facts);
      expect(step).toMatchObject({ do: 'verifierError' });
      expect(step).toHaveProperty('message', expect.stringContaining('pristine failed'));
    }
  });

  it.each([
    ['worked', ok('asLeft', 0.9), { flat: 0.9, native: 0.9 }],
    ['failed', bad('asLeft'), undefined],
  ])('the same whether asLeft %s', (_name, row, asLeft) => {
    const step = nextVerification([ok('main', 0.5), row], CHANGED);
    expect(step).toMatchObject({ do: 'decide', code: { flat: 0.5, native: 0.5 }, findings: [] });
    expect(step).toHaveProperty('asLeft', asLeft);
  });
});

describe('a verifier that runs agent code', () => {
  const known = [
    ['b', 'a'],
    ['a', 'b', 'c'],
  ];

  it.each<[string, VerificationFacts['agentCode'], string[], typeof known | undefined, boolean]>([
    ['a known set in another order', 'child', ['a', 'b'], known, true],
    ['another known set', 'in-process', ['c', 'b', 'a'], known, true],
    ['a missing name', 'child', ['a'], known, false],
    ['a new name', 'child', ['a', 'b', 'x'], known, false],
    ['a perfect result of its own', 'in-process', ['reward'], known, false],
    ['no known sets', 'child', ['x'], undefined, true],
    ['no runs in the known sets', 'child', ['x'], [], true],
    ['a class that runs nothing', 'none', ['x'], known, true],
  ])('with %s', (_name, agentCode, names, knownCheckNames, counts) => {
    const facts = { ...FACTS, agentCode, knownCheckNames };
    const step = nextVerification([ok('main', 1, names)], facts);
    expect(step).toMatchObject({ do: 'decide', code: { native: counts ? 1 : 0 } });
    if (step.do !== 'decide') return;
    const codes = step.findings.map((finding) => finding.code);
    expect(codes.includes('UnexpectedCheckNames')).toBe(!counts);
    expect(codes.includes('VerifierRunsAgentCode')).toBe(agentCode === 'in-process');
    if (!counts)
      expect(step.checks).toEqual([
        { name: 'b', value: 0 },
        { name: 'a', value: 0 },
      ]);
  });

  it('is held to the known sets in the second run too', () => {
    const facts = { ...FACTS, agentCode: 'child', knownCheckNames: known } as const;
    const step = nextVerification([bad('main'), ok('doubled', 1, ['reward'])], facts);
    expect(step).toMatchObject({ code: { flat: 0 } });
  });
});
