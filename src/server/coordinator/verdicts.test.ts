import { beforeEach, describe, expect, it } from 'vitest';
import { aPlanBody, aTask, aVerdict } from '../../../test/support/cluster-batches.ts';
import { anEndedContainer } from '../../../test/support/pod-facts.ts';
import { startScripted, UID, well } from '../../../test/support/scripted-bed.ts';
import type { ClusterScript, ScriptedCluster } from '../../../test/support/scripted-cluster.ts';

let cluster: ScriptedCluster;
beforeEach(async () => {
  cluster = await startScripted();
});

describe('verdicts', () => {
  const crashed = {
    evidence: { phase: 'Failed', containers: [anEndedContainer('grade', { exitCode: 1 })] },
  } as const;
  const graded = (by: (kind: string) => object | number): ClusterScript => ({
    ...well,
    grade: async ({ kind, nonce }) => {
      const said = by(kind);
      return typeof said === 'number' ? aVerdict(nonce, { there: said }) : said;
    },
  });
  const one = aPlanBody({ tasks: [aTask('one')] });

  it.each([
    [
      'a flake is counted and its second run used',
      graded((kind) => (kind === 'main' ? crashed : 0.5)),
      { outcome: 'scored', final: 0.5, findings: ['VerifierFlake'] },
    ],
    [
      'the output broke the verifier',
      graded((kind) => (kind === 'pristine' ? 1 : crashed)),
      { outcome: 'scored', final: 0, findings: ['AgentOutputBrokeVerifier'] },
    ],
    [
      'the verifier is broken',
      graded(() => crashed),
      { outcome: 'verifier_error', final: null, findings: [] },
    ],
    [
      'a verdict without its nonce is none',
      graded((kind) => (kind === 'main' ? aVerdict('forged', { there: 1 }) : 0.25)),
      { outcome: 'scored', final: 0.25, findings: ['VerifierFlake'] },
    ],
  ] as const)('%s', async (_name, script, expected) => {
    await cluster.plan(UID, one);
    await cluster.drive(UID, script);
    const [line] = await cluster.open.coordinator.rollouts(UID);
    const { outcome, final, findings } = expected;
    expect(line).toMatchObject({ outcome, final, findings });
  });

  it("runs the task's own gates before a verifier that runs agent code is believed", async () => {
    const check = 'import subprocess\nsubprocess.run(["python3", "tool.py"])\n';
    await cluster.plan(UID, aPlanBody({ tasks: [aTask('one', { check })] }));
    const kinds: string[] = [];
    const state = await cluster.drive(UID, {
      ...well,
      grade: async ({ kind, nonce }) => {
        kinds.push(kind);
        return aVerdict(nonce, kind === 'gate' ? { real: 0 } : { forged: 1 });
      },
    });
    expect(kinds).toEqual(['main', 'gate', 'gate']);
    expect(state).toMatchObject({ outcomes: { scored: 1 } });
    expect(await cluster.open.coordinator.rollouts(UID)).toMatchObject([
      { final: 0, findings: ['UnexpectedCheckNames'] },
    ]);
  });

  it('gives up grading that the platform ends again and again', async () => {
    await cluster.plan(UID, one);
    const containers = [anEndedContainer('fetch', { exitCode: 1 })];
    const state = await cluster.drive(
      UID,
      graded(() => ({ evidence: { phase: 'Failed', containers } })),
    );
    expect(state).toMatchObject({ outcomes: { infra_error: 1 }, attempts: 1 });
  });
});
