import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { aPlanBody, aTask, endedWell } from '../../../test/support/cluster-batches.ts';
import { startScripted, UID, well } from '../../../test/support/scripted-bed.ts';
import type { ScriptedCluster } from '../../../test/support/scripted-cluster.ts';
import { asRolloutId } from '../../base/brand.ts';

const FIRST = asRolloutId(`${UID}/one/0`);

let cluster: ScriptedCluster;
beforeEach(async () => {
  cluster = await startScripted();
  await upgrade('0.1.0');
});

/** The server's end, and the start of a release whose agents have this version. */
async function upgrade(version: string): Promise<void> {
  const sourceDir = join(cluster.folder, `harnesses-${version}`);
  await mkdir(join(sourceDir, 'pi'), { recursive: true });
  const packages = { [`node_modules/${PI_PACKAGE}`]: { version } };
  await writeFile(join(sourceDir, 'pi', 'package-lock.json'), JSON.stringify({ packages }));
  await start(sourceDir);
}

async function start(sourceDir: string): Promise<void> {
  cluster.harnesses = sourceDir;
  await cluster.restart();
}

const PI_PACKAGE = '@earendil-works/pi-coding-agent';
const spec = { model: { name: 'm', upstreamSecretRef: { name: 'gpt' } } };
const refused = {
  refusal: { decision: 'decided', reason: expect.stringMatching(/^AgentChanged/) as unknown },
};

describe('a release with another harness', () => {
  it.each([
    ['that the batch names', { agent: { name: 'pi', version: '0.1.0' }, spec }],
    ['that the batch leaves open', { agent: { name: 'pi' }, spec }],
  ])('%s ends and grades what runs, and opens nothing', async (_name, over) => {
    const { waiting } = await cluster.plan(UID, aPlanBody(over));
    const shapeId = waiting[0]?.shape.id ?? '';
    const job = await cluster.newJob(UID, { shapeId, generation: 1, max: 2 });
    const [runs, late] = [await cluster.makePod(job, 0), await cluster.makePod(job, 1)];
    expect(await cluster.open.desk.stage(runs.claiming)).toHaveProperty('grant');
    const companion = await cluster.open.desk.companion(runs.claiming);
    if (!('grant' in companion)) throw new Error('no grant');
    const { attempt, reportNonce: nonce } = companion.grant;
    const claim = await cluster.claim(runs, 'companion', { attempt, nonce });

    await upgrade('0.2.0');
    expect(await cluster.open.desk.stage(late.claiming)).toMatchObject(refused);
    await cluster.open.desk.end(claim, await endedWell(cluster));
    await cluster.open.coordinator.evidence(UID, [runs.evidence]);
    await cluster.open.coordinator.jobOver(UID, job.name, 'finished');
    expect(await cluster.drive(UID, well)).toMatchObject({
      decided: 1,
      pending: 1,
      attempts: 1,
      waiting: [],
      outcomes: { scored: 1 },
      agentChanged: {
        frozen: expect.stringContaining(' 0.1.0 ') as unknown,
        now: expect.stringContaining(' 0.2.0 ') as unknown,
      },
    });
    expect(await cluster.plan(UID, aPlanBody(over))).toMatchObject({ decided: 1 });
    const more = cluster.newJob(UID, { shapeId, generation: 2, max: 2 });
    await expect(more).rejects.toThrow('AgentChanged');

    await upgrade('0.1.0');
    const end = await cluster.drive(UID, well);
    expect(end).toMatchObject({ decided: 2, attempts: 2 });
    expect(end).not.toHaveProperty('agentChanged');
  });

  it('costs an attempt whose agent has not started no retry', async () => {
    const body = aPlanBody({ tasks: [aTask('one')], agent: { name: 'pi' }, spec });
    const { waiting } = await cluster.plan(UID, body);
    const shapeId = waiting[0]?.shape.id ?? '';
    const job = await cluster.newJob(UID, { shapeId, generation: 1, max: 1 });
    const pod = await cluster.makePod(job, 0);
    await cluster.open.desk.stage(pod.claiming);
    await upgrade('0.2.0');
    expect(await cluster.open.desk.stage(pod.claiming)).toMatchObject(refused);
    const [attempt] = await cluster.store.listAttempts(FIRST);
    expect(attempt?.close).toMatchObject({ class: 'cancelled', reason: 'AgentChanged' });
    const state = await cluster.open.coordinator.state(UID);
    expect(state).toMatchObject({ pending: 1, infraFailures: 0 });
  });

  it.each(['nop', 'lazy', 'cheat'])('goes on with %s, which is as it was', async (name) => {
    const { waiting } = await cluster.plan(UID, aPlanBody({ agent: { name } }));
    await upgrade('0.2.0');
    const state = await cluster.open.coordinator.state(UID);
    expect(state).toMatchObject({ pending: 2, waiting: [{ count: waiting[0]?.count }] });
    expect(state).not.toHaveProperty('agentChanged');
  });

  it('that lacks it altogether still says how the batch stands, and cancels it', async () => {
    await cluster.plan(UID, aPlanBody({ agent: { name: 'pi' }, spec }));
    await start(join(cluster.folder, 'none'));
    expect(await cluster.open.coordinator.state(UID)).toMatchObject({
      pending: 2,
      waiting: [],
      agentChanged: { now: expect.stringMatching(/^none: /) as unknown },
    });
    await cluster.open.coordinator.cancel(UID, 'DeadlineExceeded');
    expect(await cluster.open.coordinator.state(UID)).toMatchObject({ outcomes: { cancelled: 2 } });
  });
});
