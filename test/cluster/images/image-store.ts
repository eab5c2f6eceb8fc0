import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ClawError } from '../../../src/base/error.ts';
import { runHostCommand } from '../../../src/engines/local/sandbox/host-command.ts';
import { buildProgress } from './build-progress.ts';
import type { ImageHost } from './image-host.ts';

/** Time of everything in an image, so that equal inputs give equal digests: 2026-01-01. */
export const IMAGE_TIME = 1_767_225_600;

const OVERLAYFS = 0x79_4c_76_30;
const BUILD_SECONDS = 1_800;
const COPY_SECONDS = 600;
const QUICK_SECONDS = 60;
/** Layers of builds pile up in the store: it starts from nothing when there are so many. */
const MAX_IMAGES = 1_200;

export interface DockerBuild {
  readonly recipe: string;
  /** Names what of the context COPY may see. */
  readonly ignoreFile?: string;
  /** Folder that COPY reads from. */
  readonly context: string;
  readonly tag: string;
  readonly target?: string;
  readonly args?: Readonly<Record<string, string>>;
  /** Named folders for `COPY --from=NAME`. */
  readonly contexts?: Readonly<Record<string, string>>;
}

/**
 * buildah and skopeo with a store of their own. Every command runs in a mount namespace of its own,
 * so that one that is killed leaves no mount. Only one process may use a store at a time.
 */
export class ImageStore {
  readonly #folder: string;
  readonly #driver: string;
  readonly #host: ImageHost;

  private constructor(folder: string, driver: string, host: ImageHost) {
    this.#folder = folder;
    this.#driver = driver;
    this.#host = host;
  }

  /** `folder` is on a disk; what a killed build left in it is removed. */
  static async open(folder: string, host: ImageHost): Promise<ImageStore> {
    await mkdir(folder, { recursive: true });
    // An overlay cannot stand on another one.
    const { type } = await statfs(folder);
    const store = new ImageStore(folder, type === OVERLAYFS ? 'vfs' : 'overlay', host);
    await store.#tidy();
    return store;
  }

  /** Runs a recipe; layers that are the same as in an earlier build are taken from there. */
  async build(build: DockerBuild): Promise<void> {
    const { recipe, ignoreFile, context, tag, target, args = {}, contexts = {} } = build;
    const certificates = this.#host.env['NODE_EXTRA_CA_CERTS'];
    const known = '/etc/ssl/certs/ca-certificates.crt';
    const flags = [
      ...['--isolation', 'chroot', '--format', 'oci', '--layers', '--pull-never'],
      ...['--timestamp', String(IMAGE_TIME), '--identity-label=false'],
      ...['--file', recipe, '--tag', tag],
      ...(ignoreFile === undefined ? [] : ['--ignorefile', ignoreFile]),
      ...(target === undefined ? [] : ['--target', target]),
      ...pairs('--build-arg', args),
      ...pairs('--build-context', contexts),
      ...(certificates === undefined || certificates === ''
        ? []
        : [
            '--volume',
            `${certificates}:${known}:ro`,
            '--build-arg',
            `NODE_EXTRA_CA_CERTS=${known}`,
          ]),
    ];
    const onLine = buildProgress((step) => this.#host.logger.info({}, `${target ?? tag}: ${step}`));
    await this.#buildah(['bud', ...flags, context], BUILD_SECONDS, onLine);
  }

  async has(tag: string): Promise<boolean> {
    const end = await this.#run(this.#argv(['inspect', '--type', 'image', tag]), QUICK_SECONDS);
    return end.exitCode === 0;
  }

  /** Takes an image from an OCI layout. */
  async load(layout: string, tag: string): Promise<void> {
    await this.#skopeo([`oci:${layout}`, this.#stored(tag)]);
  }

  /** Writes an image into an OCI layout under `name`; layers that are there already stay. */
  async save(tag: string, layout: string, name: string): Promise<void> {
    // Not compressed: packing costs more than the disk that it saves, and the files never travel.
    const flags = ['--dest-oci-accept-uncompressed-layers'];
    await this.#skopeo([...flags, this.#stored(tag), `oci:${layout}:${name}`]);
  }

  async #tidy(): Promise<void> {
    // It describes mounts, which ended with the process that made them.
    await rm(this.#runFolder, { recursive: true, force: true });
    await rm(this.#scratch, { recursive: true, force: true });
    await mkdir(this.#scratch, { recursive: true });
    await this.#buildah(['rm', '--all'], QUICK_SECONDS);
    const images = await this.#buildah(['images', '--all', '--quiet'], QUICK_SECONDS);
    if (images.split('\n').length <= MAX_IMAGES) return;
    this.#host.logger.info({}, 'the layers of older image builds are removed');
    await rm(this.#graphFolder, { recursive: true, force: true });
  }

  get #graphFolder(): string {
    return join(this.#folder, 'store');
  }

  get #runFolder(): string {
    return join(this.#folder, 'run');
  }

  get #scratch(): string {
    return join(this.#folder, 'scratch');
  }

  #stored(tag: string): string {
    return `containers-storage:[${this.#driver}@${this.#graphFolder}+${this.#runFolder}]${tag}`;
  }

  #argv(args: readonly string[]): readonly string[] {
    const store = ['--root', this.#graphFolder, '--runroot', this.#runFolder];
    return ['buildah', ...store, '--storage-driver', this.#driver, ...args];
  }

  async #buildah(
    args: readonly string[],
    timeoutSeconds: number,
    onLine?: (line: string) => void,
  ): Promise<string> {
    return await this.#checked(this.#argv(args), timeoutSeconds, onLine);
  }

  async #skopeo(args: readonly string[]): Promise<void> {
    await this.#checked(['skopeo', 'copy', '--quiet', ...args], COPY_SECONDS);
  }

  async #checked(
    argv: readonly string[],
    timeoutSeconds: number,
    onLine?: (line: string) => void,
  ): Promise<string> {
    const end = await this.#run(argv, timeoutSeconds, onLine);
    if (end.exitCode === 0) return end.tail;
    throw new ClawError(
      'ClusterFailed',
      `${argv.join(' ')} ended with exit code ${end.exitCode}. If its store is broken, remove ${this.#folder}. It printed:\n${end.tail.trim().slice(-4_000)}`,
    );
  }

  async #run(
    argv: readonly string[],
    timeoutSeconds: number,
    onLine?: (line: string) => void,
  ): ReturnType<typeof runHostCommand> {
    const { env, signal } = this.#host;
    return await runHostCommand({
      argv: ['unshare', '--mount', '--propagation', 'private', ...argv],
      env: { ...env, TMPDIR: this.#scratch },
      timeoutSeconds,
      signal,
      ...(onLine === undefined ? {} : { onLine }),
    });
  }
}

function pairs(flag: string, values: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
}
