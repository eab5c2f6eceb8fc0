import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePorts } from '../../../test/cluster/free-ports.ts';
import { chainModel } from './chain-model.ts';
import { ensureLlamaServer } from './install-server.ts';
import { SCRIPTED_CHAIN } from './scripted-chain.ts';

export interface SecondEndpoint extends AsyncDisposable {
  /** Up to /v1. */
  readonly baseUrl: string;
  /** Tokens that it has generated, by its own count. */
  generated(): Promise<number>;
}

const START_MS = 60_000;
/** Where nobody lives to end it. */
const MOST_SECONDS = 900;
const SLOTS = 2;
const CONTEXT = 65_536;

/** The server of llama.cpp on loopback, with the scripted model, for calls with this key alone. */
export async function startSecondEndpoint(folder: string, key: string): Promise<SecondEndpoint> {
  const program = await ensureLlamaServer();
  const model = join(folder, 'chain.gguf');
  const keyFile = join(folder, 'key');
  const logFile = join(folder, 'llama-server.log');
  await writeFile(model, chainModel(SCRIPTED_CHAIN));
  await writeFile(keyFile, `${key}\n`, { mode: 0o600 });
  const [port = 0] = await freePorts(1);
  const flags = {
    model,
    host: '127.0.0.1',
    port: String(port),
    'api-key-file': keyFile,
    'ctx-size': String(CONTEXT),
    parallel: String(SLOTS),
  };
  const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
  const log = openSync(logFile, 'a', 0o600);
  const bounded = ['--signal=KILL', String(MOST_SECONDS), program, ...args];
  const child = spawn('timeout', [...bounded, '--jinja', '--metrics', '--offline'], {
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const ended = once(child, 'exit');
  const server: SecondEndpoint = {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    generated: () => generatedBy(port, key),
    [Symbol.asyncDispose]: async () => {
      // `timeout` passes it on.
      child.kill('SIGTERM');
      await ended;
    },
  };
  const until = performance.now() + START_MS;
  while (!(await isHealthy(port))) {
    if (child.exitCode === null && performance.now() < until) {
      await setTimeout(100);
      continue;
    }
    await server[Symbol.asyncDispose]();
    const said = await readFile(logFile, 'utf8');
    throw new Error(`llama-server did not come up:\n${said.slice(-2000)}`);
  }
  return server;
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health`)).ok;
  } catch {
    return false;
  }
}

async function generatedBy(port: number, key: string): Promise<number> {
  const headers = { authorization: `Bearer ${key}` };
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).text();
  return Number(/^llamacpp:tokens_predicted_total (\d+)/m.exec(text)?.[1] ?? Number.NaN);
}
