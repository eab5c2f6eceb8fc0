import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../src/base/brand.ts';
import { systemClock } from '../../src/base/clock.ts';
import { ClawError } from '../../src/base/error.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { giveUpAfterStop } from '../../src/phases/pod/give-up.ts';
import { ListenerConnection } from '../../src/phases/pod/listener-connection.ts';
import { RUN_SPEC_FILE } from '../../src/protocol/pod-contract.ts';
import { FETCHED_STEP, fetchInputs } from '../../src/training/pod/fetch-inputs.ts';
import { Reporter } from '../../src/training/pod/reporter.ts';
import { startStatusServer } from '../../src/training/pod/status-server.ts';
import { TrainingClient } from '../../src/training/pod/training-client.ts';
import { forwardedBatches } from '../../src/training/rl/forwarded-batches.ts';
import { batchClient } from '../../src/training/rl/pod/batch-client.ts';
import { batchRoute } from '../../src/training/rl/pod/batch-route.ts';

/** After what of the word about a batch a pod may be lost. */
export type Moment = 'policy' | 'checkpoint' | 'trained';

export interface RlPod {
  readonly serverUrl: string;
  readonly ca: string;
  readonly token: () => Promise<string>;
  /** Of this pod alone: it goes with it. */
  readonly dir: string;
  /** Interpreter with the trainer's libraries, and where its modules are. */
  readonly python: string;
  readonly path: string;
  /** True: the pod is lost right then, with everything in it. */
  readonly isLost: (moment: Moment, batch: number) => boolean;
}

const zSpec = z.looseObject({ rl: z.looseObject({ batches: z.looseObject({}) }) });

/**
 * A training pod of a reinforcement run on this machine: the real `fetch`, the real trainer, the real
 * sidecar. Returns the trainer's exit code; undefined where the pod was lost.
 */
export async function playRlPod(pod: RlPod): Promise<number | undefined> {
  const folders = { in: '', out: '', spec: '', state: '' };
  for (const name of ['in', 'out', 'spec', 'state'] as const) {
    folders[name] = join(pod.dir, name);
    await mkdir(folders[name], { recursive: true });
  }
  const { serverUrl, ca, token: readToken } = pod;
  const connection = new ListenerConnection({ serverUrl, ca });
  const common = { clock: systemClock, logger: silentLogger };
  const client = new TrainingClient({ ...common, connection, readToken, random: Math.random });
  const lost = new AbortController();
  const stop = new AbortController();
  try {
    await fetchInputs({ ...common, client, folders }, AbortSignal.timeout(60_000));
    const fetched = await readFile(join(folders.state, FETCHED_STEP), 'utf8').catch(
      () => undefined,
    );
    const fetchedStep = fetched === undefined ? undefined : Number(fetched);
    const reporter = new Reporter({ ...common, client, out: folders.out, fetchedStep });
    const pass = (moment: Moment, batch: number): void => {
      if (lost.signal.aborted || pod.isLost(moment, batch)) {
        lost.abort(new ClawError('Cancelled', `lost after ${moment} ${batch}`));
        lost.signal.throwIfAborted();
      }
    };
    const batches = watchedBatches(
      { client, connection, readToken, reporter, lost, pass },
      folders.out,
    );
    await using status = await startStatusServer({
      port: 0,
      told: (progress) => reporter.told(progress),
      routes: [await batchRoute(batches)],
    });
    await askAt(join(folders.spec, RUN_SPEC_FILE), status.port);
    using giveUp = giveUpAfterStop(stop.signal, 60, systemClock);
    const either = AbortSignal.any([giveUp.signal, lost.signal]);
    const until = AbortSignal.any([stop.signal, lost.signal]);
    const reporting = reporter.run(until, either).catch(() => undefined);
    const exitCode = await train(pod, folders, lost.signal);
    stop.abort();
    await reporting;
    return lost.signal.aborted ? undefined : exitCode;
  } finally {
    connection.close();
    if (lost.signal.aborted) await rm(pod.dir, { recursive: true, force: true });
  }
}

interface Parts {
  readonly client: TrainingClient;
  readonly connection: ListenerConnection;
  readonly readToken: () => Promise<string>;
  readonly reporter: Reporter;
  readonly lost: AbortController;
  readonly pass: (moment: Moment, batch: number) => void;
}

/** What the trainer asks, as in a pod; `pass` is told of each part of a word about a batch. */
function watchedBatches(
  { client, connection, readToken, reporter, lost, pass }: Parts,
  out: string,
) {
  const server = batchClient({ connection, readToken, signal: lost.signal });
  let batch = 0;
  return forwardedBatches({
    out,
    server: {
      ...server,
      keepPolicy: async (number, word) => {
        batch = number;
        await server.keepPolicy(number, word);
        pass('policy', number);
      },
      trained: async (number, word) => {
        await server.trained(number, word);
        pass('trained', number);
      },
    },
    put: (file, size) => client.put(file, size, lost.signal),
    inTurn: (work) => reporter.inTurn(work),
    keepCheckpoint: async () => {
      await reporter.keepCheckpoint(lost.signal);
      pass('checkpoint', batch);
    },
  });
}

/** The port of a pod's own is another one where pods share a machine. */
async function askAt(file: string, port: number): Promise<void> {
  const spec = zSpec.parse(parseJson(await readFile(file, 'utf8')));
  spec.rl.batches['url'] = `http://127.0.0.1:${port}`;
  await writeFile(file, JSON.stringify(spec));
}

async function train(
  { python, path }: RlPod,
  folders: { readonly in: string; readonly out: string; readonly spec: string },
  lost: AbortSignal,
): Promise<number> {
  const child = spawn(python, ['-m', 'clawgym_trainer.token_grpo'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      PYTHONPATH: path,
      HF_HUB_OFFLINE: '1',
      RUN_SPEC: join(folders.spec, RUN_SPEC_FILE),
      RUN_IN: folders.in,
      RUN_OUT: folders.out,
    },
  });
  const exited = once(child, 'exit');
  const kill = (): void => void child.kill('SIGKILL');
  lost.addEventListener('abort', kill, { once: true });
  await exited;
  return child.exitCode ?? 137;
}
