import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  askGateway,
  chatBody,
  type GatewayFixture,
  gatewayFixture,
} from '../../test/support/gateway-fixture.ts';
import { aBatch, aDecision, anEnd, aPlan } from '../../test/support/records.ts';
import { asBatchId, asRolloutId, parseJson } from '../base/brand.ts';
import { sha256 } from '../base/digest.ts';
import { DEFAULT_EXPORT_FILTER } from './export-filter.ts';
import { type ExportOptions, exportMessages } from './export-messages.ts';

const BATCH = aBatch().id;
const [first = asRolloutId('none'), second = asRolloutId('none')] = aPlan(2).map(({ id }) => id);
const task = (cluster: string) => ({ cluster, openings: ['Sort the mail'] });
const OPTIONS: ExportOptions = {
  filter: DEFAULT_EXPORT_FILTER,
  split: { validationPercent: 0, seed: 0 },
  tasks: new Map([
    [sha256('task-0'), task('mail')],
    [sha256('task-1'), task('')],
  ]),
};

async function exported(fixture: GatewayFixture, over: Partial<ExportOptions> = {}) {
  const { records: store, artifacts } = fixture;
  const lines = exportMessages({ store, artifacts }, [BATCH], { ...OPTIONS, ...over });
  const texts: string[] = [];
  for (let next = await lines.next(); ; next = await lines.next()) {
    if (next.done === true) return { texts, manifest: next.value };
    texts.push(`${next.value.split} ${next.value.text}`);
  }
}

const score = (final: number | null) => ({ flat: final, native: null, rubric: null, final });

/** The first rollout asked the model once and is decided so; the second is never started. */
async function decided(fixture: GatewayFixture, over: Parameters<typeof aDecision>[1]) {
  await askGateway(fixture.gateway, chatBody());
  await fixture.records.endAttempt(fixture.attempt, 'nonce-1', anEnd());
  await fixture.records.decideRollout(first, aDecision(first, over));
}

describe('an export of conversations', () => {
  it('takes finished work above the score, with its lineage, and counts the rest', async () => {
    await using fixture = await gatewayFixture();
    await decided(fixture, { score: score(0.5) });
    const { texts, manifest } = await exported(fixture);
    const row = z
      .looseObject({ id: z.string(), reward: z.number(), task: z.object({ cluster: z.string() }) })
      .parse(parseJson(texts[0]?.replace('train ', '') ?? ''));
    expect(row).toMatchObject({ id: `${first}#1/0`, reward: 0.5, task: { cluster: 'mail' } });
    const [{ taskDigest } = { taskDigest: '' }] = await fixture.records.listRollouts(BATCH);
    expect(manifest).toMatchObject({
      format: 'messages-tools/v1',
      batches: [{ id: BATCH, taskSet: aBatch().taskSet }],
      rollouts: { seen: 2, taken: 1 },
      excluded: { undecided: 1, score: 0 },
      splits: {
        train: { rows: 1, rollouts: 1, clusters: 1, tasks: 1, taskDigests: [taskDigest] },
        validation: { rows: 0, taskDigests: [] },
      },
    });
    expect(await exported(fixture)).toEqual({ texts, manifest });
  });

  it('leaves the keys of tools as the harness ordered them, since templates print them so', async () => {
    await using fixture = await gatewayFixture();
    const tool = { type: 'function', function: { name: 'write', parameters: { type: 'object' } } };
    await askGateway(fixture.gateway, { ...chatBody(), tools: [tool] });
    await fixture.records.endAttempt(fixture.attempt, 'nonce-1', anEnd());
    await fixture.records.decideRollout(first, aDecision(first));
    const { texts } = await exported(fixture);
    expect(texts[0]).toContain(JSON.stringify([tool]));
  });

  it.each([
    ['score', { score: score(0.49) }],
    ['noScore', { score: score(null) }],
    ['outcome', { outcome: 'agent_timeout' as const }],
    ['missingData', { outcome: 'infra_error' as const, score: score(1) }],
    ['noCalls', { attempt: undefined }],
  ])('leaves out and counts as %s', async (why, over) => {
    await using fixture = await gatewayFixture();
    await decided(fixture, over);
    const { texts, manifest } = await exported(fixture);
    expect(texts).toEqual([]);
    expect(manifest).toMatchObject({
      rollouts: { seen: 2, taken: 0 },
      excluded: { undecided: 1, [why]: 1 },
    });
  });

  it('leaves out an attempt whose agent sent more than can be held at once', async () => {
    await using fixture = await gatewayFixture();
    await decided(fixture, {});
    const { records: store } = fixture;
    const huge = new Uint8Array(129 * 1024 * 1024);
    const lines = exportMessages(
      { store, artifacts: { read: async () => huge } },
      [BATCH],
      OPTIONS,
    );
    const end = await lines.next();
    expect(end.done === true && end.value.excluded).toMatchObject({ tooLarge: 1, undecided: 1 });
  });

  it('never parts the tasks of one lineage, and a task without one goes by its id', async () => {
    await using fixture = await gatewayFixture();
    await decided(fixture, {});
    const session = await fixture.openAttempt('other');
    await askGateway(fixture.gateway, chatBody(), { bearer: 'other' });
    await fixture.records.endAttempt(session.attempt, 'nonce-1', anEnd());
    await fixture.records.decideRollout(second, aDecision(second));
    const all = await exported(fixture, { split: { validationPercent: 100, seed: 0 } });
    expect(all.manifest.splits).toMatchObject({
      train: { rows: 0 },
      validation: { rows: 2, clusters: 2 },
    });
    expect(all.texts.at(1)).toContain('"cluster":"task-1"');
  });

  it('refuses a batch that is not there, and a task that nobody knows', async () => {
    await using fixture = await gatewayFixture();
    await decided(fixture, {});
    await expect(exported(fixture, { tasks: new Map() })).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringContaining('task task-0'),
    });
    const { records: store, artifacts } = fixture;
    const lines = exportMessages({ store, artifacts }, [asBatchId('gone')], OPTIONS);
    await expect(lines.next()).rejects.toMatchObject({ code: 'NotFound' });
  });
});
