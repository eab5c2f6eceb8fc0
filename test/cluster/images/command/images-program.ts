import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { InvalidArgumentError } from 'commander';
import { systemClock } from '../../../../src/base/clock.ts';
import { ClawError } from '../../../../src/base/error.ts';
import { stderrLogger } from '../../../../src/cli/stderr-logger.ts';
import { stopSignal } from '../../../../src/cli/stop-signal.ts';
import { clusterEnvironment } from '../../cluster-environment.ts';
import { imageStatus, writeImages } from '../build-images.ts';
import type { ImageHost } from '../image-host.ts';
import { IMAGE_NAMES, type ImageName, imageReference, zImageName } from '../image-names.ts';
import { imageSizes, imagesPage } from '../images-page.ts';
import type { LayoutImage } from '../oci-layout.ts';

const PAGE = join(import.meta.dirname, '../../../../docs/reference/images.md');
const HELP = `
Without Docker, from deploy/images/Dockerfile: needs root and a Debian-like host. With Docker:
  docker build -f deploy/images/Dockerfile --target runner -t clawgym-runner:dev .

Examples:
  npm run images -- build
  npm run images -- build runner agent-pi --out /tmp/images
  npm run images -- status`;

/** The command tree of `npm run images`. */
export function imagesProgram(): Command {
  const program = new Command()
    .name('npm run images --')
    .description('The images of ClawGym, built on this host')
    .exitOverride()
    .showHelpAfterError('(run with --help for the flags)')
    .addHelpText('after', HELP);
  program
    .command('build')
    .description('Build images and write each as a tar of an OCI layout')
    .argument('[names...]', `${IMAGE_NAMES.join(', ')}; default: all`, addName, [])
    .option('--out <dir>', 'folder of the tars', 'out/images')
    .action(async (names, { out }) => {
      await build(names.length === 0 ? IMAGE_NAMES : names, resolve(out));
    });
  program
    .command('status')
    .description('List the images that were built last')
    .action(async () => {
      using stop = stopSignal(say);
      const images = await imageStatus(IMAGE_NAMES, host(stop.signal));
      for (const { name, image } of images) process.stdout.write(statusLine(name, image));
    });
  program
    .command('page')
    .description('Write the sizes of the images that were built last into docs/reference/images.md')
    .action(async () => {
      using stop = stopSignal(say);
      await writePage(await imageStatus(IMAGE_NAMES, host(stop.signal)));
    });
  return program;
}

async function writePage(images: Awaited<ReturnType<typeof imageStatus>>): Promise<void> {
  const built = images.flatMap(({ name, image }) =>
    image === undefined ? [] : { ...image, name },
  );
  if (built.length < images.length) {
    throw new ClawError(
      'NotFound',
      'not all images are built: run `npm run images -- build` first',
    );
  }
  await writeFile(PAGE, imagesPage(imageSizes(built)));
  process.stdout.write(`wrote ${PAGE}\n`);
}

async function build(names: readonly ImageName[], out: string): Promise<void> {
  using stop = stopSignal(say);
  for (const name of names) {
    const began = systemClock.monotonic();
    const path = join(out, `${name}.tar`);
    const [image] = await writeImages([name], path, host(stop.signal));
    const seconds = ((systemClock.monotonic() - began) / 1000).toFixed(1);
    process.stdout.write(`${statusLine(name, image).trim()}  ${path}  ${seconds} s\n`);
  }
}

function statusLine(name: ImageName, image: LayoutImage | undefined): string {
  const reference = imageReference(name).padEnd(imageReference('agent-openclaw').length);
  if (image === undefined) return `${reference}  not built\n`;
  const bytes = image.layers.reduce((sum, layer) => sum + layer.bytes, 0);
  return `${reference}  ${(bytes / 1e6).toFixed(0).padStart(5)} MB  ${image.digest}\n`;
}

function say(text: string): void {
  process.stderr.write(text);
}

function host(signal: AbortSignal): ImageHost {
  return { ...clusterEnvironment(), logger: stderrLogger(say), signal };
}

function addName(text: string, names: readonly ImageName[]): readonly ImageName[] {
  const parsed = zImageName.safeParse(text);
  if (parsed.success) return [...names, parsed.data];
  throw new InvalidArgumentError(`expected one of ${IMAGE_NAMES.join(', ')}`);
}
