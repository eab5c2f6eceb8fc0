import { ClawError } from '../base/error.ts';
import { terminalText } from '../base/plain-text.ts';
import { downloadRollout } from './download-rollout.ts';
import { cliEnvironment } from './environment.ts';
import { findAttempt, findRollout } from './find-rollout.ts';
import type { ReadContext, ReadOptions } from './read-context.ts';
import { openRecordSource } from './record-source.ts';
import { rolloutDetail } from './rollout-detail.ts';
import { rolloutText } from './rollout-text.ts';
import { stopSignal } from './stop-signal.ts';

/** `clawgym show|logs|download ROLLOUT`, also beside a run that is still going on. */
export async function readCommand(
  name: 'show' | 'logs' | 'download',
  wanted: string,
  options: ReadOptions,
): Promise<void> {
  using stop = stopSignal(() => undefined);
  await using source = await openRecordSource(options, cliEnvironment(), stop.signal);
  const { row, name: known } = await findRollout(source, wanted);
  const { store, artifacts } = source;
  const context = { store, artifacts, rollout: row, name: known, options };
  process.stdout.write(await text(name, context));
}

async function text(name: 'show' | 'logs' | 'download', context: ReadContext): Promise<string> {
  switch (name) {
    case 'show': {
      const detail = await rolloutDetail(context);
      return context.options.output === 'json'
        ? `${JSON.stringify(detail, null, 2)}\n`
        : rolloutText(detail, context.name);
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
    const why = attempt.close
      ? `was ended as ${attempt.close.class} (${attempt.close.reason}) before it handed its output in`
      : 'has not ended: there is no output yet';
    throw new ClawError('NotFound', `attempt ${attempt.id} ${why}`);
  }
  if (digest === undefined) {
    return `(agent ${attempt.harness.name} runs no program: no output)\n`;
  }
  return terminalText(await artifacts.read(digest));
}
