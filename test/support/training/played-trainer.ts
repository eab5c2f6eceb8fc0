import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { giveUpAfterStop } from '../../../src/phases/pod/give-up.ts';
import { ListenerConnection } from '../../../src/phases/pod/listener-connection.ts';
import { RUN_SPEC_FILE } from '../../../src/protocol/pod-contract.ts';
import { fetchInputs } from '../../../src/training/pod/fetch-inputs.ts';
import { Reporter } from '../../../src/training/pod/reporter.ts';
import { TrainingClient } from '../../../src/training/pod/training-client.ts';

const TRAINER = new URL('../fake-trainer.ts', import.meta.url).pathname;

export interface PlayedPod {
  readonly serverUrl: string;
  readonly ca: string;
  readonly token: () => Promise<string>;
  /** Of this pod alone. */
  readonly dir: string;
  /** Of fake-trainer.ts. */
  readonly fault?: string;
  /** Ends the trainer, once it trains, like a deletion of the pod. */
  readonly stops?: boolean;
}

/**
 * A whole training pod on this machine: the real `fetch`, the trainer of fake-trainer.ts, the real
 * `report` beside it. Returns the trainer's exit code.
 */
export async function playTrainingPod(pod: PlayedPod): Promise<number> {
  const folders = { in: '', out: '', spec: '', state: '' };
  for (const name of ['in', 'out', 'spec', 'state'] as const) {
    folders[name] = join(pod.dir, name);
    await mkdir(folders[name], { recursive: true });
  }
  const { serverUrl, ca } = pod;
  const connection = new ListenerConnection({ serverUrl, ca });
  const common = { clock: systemClock, logger: silentLogger };
  const client = new TrainingClient({
    ...{ ...common, connection, readToken: pod.token, random: Math.random },
  });
  const stop = new AbortController();
  try {
    await fetchInputs({ ...common, client, folders }, AbortSignal.timeout(20_000));
    const reporter = new Reporter({ ...common, client, out: folders.out, fetchedStep: undefined });
    using giveUp = giveUpAfterStop(stop.signal, 20, systemClock);
    const reporting = reporter.run(stop.signal, giveUp.signal);
    const code = await runTrainer(folders, pod);
    stop.abort();
    await reporting;
    return code;
  } finally {
    connection.close();
  }
}

async function runTrainer(
  folders: { readonly in: string; readonly out: string; readonly spec: string },
  { fault = '', stops = false }: PlayedPod,
): Promise<number> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', TRAINER], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {
      RUN_SPEC: join(folders.spec, RUN_SPEC_FILE),
      RUN_IN: folders.in,
      RUN_OUT: folders.out,
      FAULT: fault,
    },
  });
  const exited = once(child, 'exit');
  if (stops) {
    while (!existsSync(join(folders.out, 'starts'))) await systemClock.sleep(20);
    child.kill('SIGTERM');
  }
  const [code, signal] = (await exited) as [number | null, string | null];
  return code ?? (signal === 'SIGKILL' ? 137 : 143);
}
