import { execFile } from 'node:child_process';
import { ClawError, errorMessage } from '../../src/base/error.ts';
import type { HostEnv } from './cluster-host.ts';
import { type ClusterRecord, readClusterRecord } from './cluster-record.ts';
import { askSupervisor } from './control-client.ts';
import { API_SERVER } from './control-plane.ts';
import type { LayerName } from './layer.ts';
import type { ProgramStatus } from './programs.ts';

/** A bound for a kubectl that hangs; what it waits for has a deadline of its own. */
const KUBECTL_MS = 300_000;
const MAX_OUTPUT = 64 * 1024 * 1024;

/** A running cluster as tests see it; any process of this user may hold one. */
export class Cluster {
  readonly record: ClusterRecord;
  readonly #env: HostEnv;

  constructor(record: ClusterRecord, env: HostEnv) {
    this.record = record;
    this.#env = env;
  }

  /** The cluster of a state folder. Fails with `NotFound` where none is ready there. */
  static attach(stateFolder: string, env: HostEnv): Cluster {
    const record = readClusterRecord(stateFolder);
    if (record !== undefined) return new Cluster(record, env);
    throw new ClawError('NotFound', `no cluster is ready in ${stateFolder}`);
  }

  get layer(): LayerName {
    return this.record.layer;
  }

  /** Path of an administrator's kubeconfig. */
  get kubeconfigPath(): string {
    return this.record.kubeconfig;
  }

  /** What the layer says about itself, for example `node-a.pid`. */
  get facts(): Readonly<Record<string, string>> {
    return this.record.facts;
  }

  /**
   * Standard output of kubectl; `input` is its standard input (`apply -f -`). Fails with
   * `ClusterFailed` and kubectl's own words.
   */
  async kubectl(args: readonly string[], input = ''): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const child = execFile(
      this.record.kubectl,
      ['--kubeconfig', this.kubeconfigPath, ...args],
      { env: this.#env, timeout: KUBECTL_MS, maxBuffer: MAX_OUTPUT },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else {
          const said = stderr.trim() === '' ? errorMessage(error) : stderr.trim();
          reject(new ClawError('ClusterFailed', `kubectl ${args.join(' ')}: ${said}`));
        }
      },
    );
    // A kubectl that fails before it reads all of its input is judged by its exit code.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    return await promise;
  }

  /** The programs of the cluster with their process ids and logs. */
  async programs(): Promise<readonly ProgramStatus[]> {
    return await askSupervisor(this.#folder(), { op: 'programs' });
  }

  /** SIGTERM, then SIGKILL; resolves when the program has ended. */
  async stopProgram(name: string): Promise<void> {
    await askSupervisor(this.#folder(), { op: 'stop-program', name });
  }

  /** Starts a program that was stopped or killed, and waits until it is ready. */
  async startProgram(name: string): Promise<void> {
    await askSupervisor(this.#folder(), { op: 'start-program', name });
  }

  /** For tests that kill (SIGKILL) or freeze (SIGSTOP, SIGCONT) a program. */
  async signalProgram(name: string, signal: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT') {
    await askSupervisor(this.#folder(), { op: 'signal-program', name, signal });
  }

  /** Ends the API server and starts it again; resolves when it is ready. */
  async restartApiServer(): Promise<void> {
    await this.stopProgram(API_SERVER);
    await this.startProgram(API_SERVER);
  }

  #folder(): string {
    if (this.record.stateFolder !== undefined) return this.record.stateFolder;
    throw new ClawError(
      'InvalidInput',
      'this cluster was there before (USE_EXISTING_CLUSTER): its programs cannot be stopped or started; ' +
        'run this test without that variable',
    );
  }
}
