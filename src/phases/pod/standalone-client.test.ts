import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { roleBed } from '../../../test/support/pod-role.ts';
import { asSha256 } from '../../base/brand.ts';
import { sha256 } from '../../base/digest.ts';
import { DEFAULT_SNAPSHOT_CAPS } from '../snapshot-caps.ts';
import { companionRole } from './companion-role.ts';
import { reportRole } from './report-role.ts';
import { stageRole } from './stage-role.ts';
import { StandaloneClient } from './standalone-client.ts';

const NEVER = new AbortController().signal;
const INPUT = 'some,input\n';

async function bed(files: Readonly<Record<string, string>>) {
  const base = await roleBed(() => ({ status: 500 }));
  const folder = join(base.context.paths.state, 'bundle');
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const printed: string[] = [];
  const client = new StandaloneClient(folder, (line) => printed.push(line));
  return {
    ...base,
    context: { ...base.context, client },
    client,
    printed: () => printed.map((line) => JSON.parse(line) as unknown),
    [Symbol.asyncDispose]: () => base[Symbol.asyncDispose](),
  };
}

const claim = (more: object) => JSON.stringify({ attempt: 'a', credential: 'c', ...more });

describe('a role without a server', () => {
  it('stages from files', async () => {
    const digest = sha256(INPUT);
    const inputs = [{ path: 'in.csv', content: { digest }, executable: false }];
    const stage = claim({ inputs, changes: [], agentFiles: [], wrapperSpec: { commands: [] } });
    await using it = await bed({ 'stage.json': stage, [digest]: INPUT });
    expect(await stageRole(it.context)).toBe(0);
    expect(readFileSync(join(it.context.paths.workspace, 'in.csv'), 'utf8')).toBe(INPUT);
    expect(it.listener.seen).toEqual([]);
  });

  it('prints the end of an attempt and what it would have stored', async () => {
    const companion = claim({
      reportNonce: 'n',
      gatewayLossSeconds: 1,
      caps: DEFAULT_SNAPSHOT_CAPS,
    });
    await using it = await bed({ 'companion.json': companion });
    const running = companionRole(it.context);
    await expect.poll(() => existsSync(join(it.context.paths.state, 'ready'))).toBe(true);
    it.stop();
    expect(await running).toBe(0);
    expect(it.printed()).toMatchObject([{ stored: { size: 1024 } }, { end: { findings: [] } }]);
  });

  it('prints the verdict', async () => {
    await using it = await bed({ 'report.json': claim({ kind: 'main', verdictNonce: 'n' }) });
    writeFileSync(join(it.context.paths.verdict, 'verdict.json'), '{}');
    it.stop();
    expect(await reportRole(it.context)).toBe(0);
    expect(it.printed()).toEqual([{ verdict: { text: '{}' } }]);
  });

  it('refuses a claim of another form and bytes of another digest', async () => {
    const digest = asSha256('0'.repeat(64));
    await using it = await bed({ 'report.json': '{}', [digest]: INPUT });
    await expect(it.client.claim('report')).rejects.toMatchObject({ code: 'InvalidInput' });
    const reading = it.client.session().read(digest, NEVER);
    await expect(reading).rejects.toMatchObject({ code: 'CorruptArtifact' });
  });
});
