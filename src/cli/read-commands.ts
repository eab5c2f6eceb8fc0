import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ClawError } from '../base/error.ts';
import { terminalText } from '../base/plain-text.ts';
import { openFileArtifacts } from '../store/file-artifacts.ts';
import { openSqliteReader } from '../store/sqlite/open.ts';
import { downloadRollout } from './download-rollout.ts';
import { findAttempt, findRollout } from './find-rollout.ts';
import { storeDir } from './local-session.ts';
import type { ReadContext, ReadOptions } from './read-context.ts';
import { rolloutDetail } from './rollout-detail.ts';
import { rolloutText } from './rollout-text.ts';

/** `clawgym show|logs|download ROLLOUT --out DIR`, also beside a run that is still going on. */
export async function readCommand(
  name: 'show' | 'logs' | 'download',
  wanted: string,
  options: ReadOptions,
): Promise<void> {
  const folder = storeDir(options.out);
  if (!existsSync(folder)) {
    throw new ClawError(
      'NotFound',
      `${options.out} holds no run: name the output folder of one with --out`,
    );
  }
  await using store = await openSqliteReader(folder);
  const artifacts = await openFileArtifacts(join(folder, 'artifacts'));
  const rollout = await findRollout(store, wanted);
  const context = { store, artifacts, rollout, options };
  process.stdout.write(await text(name, context));
}

async function text(name: 'show' | 'logs' | 'download', context: ReadContext): Promise<string> {
  switch (name) {
    case 'show': {
      const detail = await rolloutDetail(context);
      return context.options.output === 'json'
        ? `${JSON.stringify(detail, null, 2)}\n`
        : rolloutText(detail);
    }
    case 'logs':
      return await logs(context);
    case 'download':
      return await downloadRollout(context);
  }
}

/** What the agent printed, with control characters made visible: it may be hostile. */
async function logs({ store, artifacts, rollout, options }: ReadContext): Promise<string> {
  const attempt = await findAttempt(store, rollout, options.attempt);
  const digest = options.stderr === true ? attempt.end?.stderr : attempt.end?.stdout;
  if (attempt.end === undefined) {
    throw new ClawError('NotFound', `attempt ${attempt.id} has not ended: there is no output yet`);
  }
  if (digest === undefined) {
    return `(agent ${attempt.harness.name} runs no program: no output)\n`;
  }
  return terminalText(await artifacts.read(digest));
}
