import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { ListenerConnection } from '../../src/phases/pod/listener-connection.ts';
import type { RoleContext } from '../../src/phases/pod/role-context.ts';
import { SandboxClient } from '../../src/phases/pod/sandbox-client.ts';
import { TlsGateway } from '../../src/phases/pod/tls-gateway.ts';
import { type Script, ScriptedListener } from './scripted-listener.ts';
import { tempDir } from './temp-dir.ts';

/** Time runs a hundred times as fast for whoever sleeps by this clock. */
export const fastClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * 100,
  sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
};

export interface RoleBed extends AsyncDisposable {
  readonly listener: ScriptedListener;
  readonly context: RoleContext;
  /** SIGTERM. */
  stop(): void;
}

export interface RoleBedOptions {
  readonly clock?: Clock;
  readonly graceSeconds?: number;
  readonly readToken?: () => Promise<string>;
  readonly linkPort?: number;
}

/** A role's program with volumes of its own, before a scripted server. */
export async function roleBed(script: Script, options: RoleBedOptions = {}): Promise<RoleBed> {
  const stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const listener = stack.use(await ScriptedListener.start(script));
  const volume = (name: string): string => {
    const path = join(dir.path, name);
    mkdirSync(path);
    return path;
  };
  const stop = new AbortController();
  const connection = new ListenerConnection({ serverUrl: listener.url, ca: listener.ca });
  stack.defer(() => connection.close());
  const common = {
    clock: options.clock ?? fastClock,
    random: () => 0.5,
    logger: silentLogger,
  };
  const context: RoleContext = {
    ...common,
    client: new SandboxClient({
      ...common,
      connection,
      readToken: options.readToken ?? (async () => 'token\n'),
    }),
    paths: {
      workspace: volume('workspace'),
      agent: volume('agent'),
      report: volume('report'),
      verifier: volume('verifier'),
      verdict: volume('verdict'),
      state: volume('state'),
    },
    rootDigestFile: join(dir.path, 'root-digest'),
    stop: stop.signal,
    graceSeconds: options.graceSeconds ?? 6000,
    openGateway: () =>
      new TlsGateway(new ListenerConnection({ serverUrl: listener.url, ca: listener.ca })),
    linkPort: options.linkPort ?? 0,
  };
  return {
    listener,
    context,
    stop: () => stop.abort(new Error('SIGTERM')),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
