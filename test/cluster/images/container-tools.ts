import { ClawError } from '../../../src/base/error.ts';
import { findProgram } from '../../../src/engines/local/sandbox/host-command.ts';
import { installHint } from '../../../src/engines/local/sandbox/host-tools.ts';
import { installPackages } from '../../../src/engines/local/sandbox/install-packages.ts';
import type { ImageHost } from './image-host.ts';

/** Programs of the image build, and the Debian packages that bring them. */
const PACKAGES = {
  buildah: 'buildah',
  skopeo: 'skopeo',
  setfattr: 'attr',
  tar: 'tar',
  unshare: 'util-linux',
  flock: 'util-linux',
} as const;

/**
 * Checks that images can be built here and installs what is missing. Fails with `MissingTool` and the
 * command that would make it work.
 */
export async function ensureContainerTools(host: ImageHost): Promise<void> {
  if (host.uid !== 0) {
    throw new ClawError(
      'MissingTool',
      `images are built in file systems of their own and that needs root, this process has uid ${host.uid}: run it with sudo, or build deploy/images/Dockerfile with Docker`,
    );
  }
  const aptGet = findProgram('apt-get', host.env);
  if (missing(host).length > 0 && aptGet !== undefined) {
    await installPackages(aptGet, missing(host), { ...host, purpose: 'what builds images' });
  }
  const left = missing(host);
  if (left.length === 0) return;
  throw new ClawError('MissingTool', `images cannot be built here. ${installHint(left)}`);
}

function missing({ env }: ImageHost): readonly string[] {
  const absent = Object.entries(PACKAGES).filter(([name]) => !findProgram(name, env));
  return [...new Set(absent.map(([, packageName]) => packageName))];
}
