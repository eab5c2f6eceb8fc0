import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';
import { AGENT_INIT_FILES, GRADER_FILES } from '../src/phases/program-files.ts';

/**
 * `npm run build`, and the end of `npm ci`: the command line as a few files in dist/, which load in a
 * third of the time of the 350 modules they are made of. bin/clawgym uses them while nothing in src/
 * is newer, so nobody has to build anything. The programs of the images are one file each, below a
 * folder of dist/. Without esbuild (an installation without development dependencies) nothing is
 * built and the sources run as they are.
 */
const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');
const ENTRIES = ['src/cli/main.ts', 'src/engines/local/sandbox/host-main.ts'];
/** Programs of the images: entry, and the one file below dist/ that holds all of it. */
interface Program {
  readonly entry: string;
  readonly file: string;
}
const PROGRAMS: readonly Program[] = [
  { entry: 'operator/main.ts', file: 'operator/main.mjs' },
  { entry: 'src/server/main.ts', file: 'server/main.mjs' },
  { entry: 'src/phases/pod/main.ts', file: 'pod/phase.cjs' },
  { entry: 'src/phases/import/import-main.ts', file: 'pod/import.cjs' },
  { entry: 'src/training/pod/main.ts', file: 'pod/training.cjs' },
  { entry: 'src/synthesis/worker/worker-main.ts', file: 'pod/synthesis.mjs' },
  { entry: 'src/phases/policy/policy-main.ts', file: 'pod/policy.cjs' },
];
/**
 * Two pods start four of these for each rollout: as CommonJS they take half of the time and 15 MB less
 * of the smallest containers that there are, since nothing is read that is not called.
 */
const SMALL = { format: 'cjs', banner: {}, minifyWhitespace: true, minifySyntax: true } as const;
/** What the untrusted containers of pods start, as flat folders beside the pod's program. */
const PYTHON = { 'pod/agent_init': AGENT_INIT_FILES, 'pod/grader': GRADER_FILES };
/** Commands that are running load files of the build that they started with. */
const KEEP_OLD_MS = 24 * 3600 * 1000;

const esbuild = await import('esbuild').catch(() => undefined);
if (esbuild === undefined) {
  process.stdout.write('esbuild is not installed: clawgym runs from its sources\n');
} else {
  const started = new Date();
  const { outputFiles } = await esbuild.build({
    ...common(ENTRIES, DIST),
    entryPoints: ENTRIES,
    entryNames: '[name]',
    chunkNames: 'chunk-[hash]',
    outdir: DIST,
    splitting: true,
    write: false,
  });
  await mkdir(DIST, { recursive: true });
  // Entries last: until then the old ones, with their old chunks, are whole.
  const isEntry = (path: string): boolean => !basename(path).startsWith('chunk-');
  for (const file of outputFiles.toSorted(
    (a, b) => Number(isEntry(a.path)) - Number(isEntry(b.path)),
  )) {
    await writeAside(file.path, file.contents, started);
  }
  await removeOld(new Set(outputFiles.map(({ path }) => basename(path))));
  for (const { entry, file } of PROGRAMS.filter((program) =>
    existsSync(join(ROOT, program.entry)),
  )) {
    const outfile = join(DIST, file);
    const built = await esbuild.build({
      ...common([entry], dirname(outfile), [credentialsAlone()]),
      ...(file.endsWith('.cjs') && SMALL),
      entryPoints: [entry],
      outfile,
      write: false,
    });
    await mkdir(dirname(outfile), { recursive: true });
    for (const { path, contents } of built.outputFiles) await writeAside(path, contents, started);
  }
  await copyPython(started);
}

async function copyPython(time: Date): Promise<void> {
  const source = join(ROOT, 'src/phases/programs');
  for (const [folder, files] of Object.entries(PYTHON)) {
    await mkdir(join(DIST, folder), { recursive: true });
    for (const file of files) {
      await writeAside(
        join(DIST, folder, basename(file)),
        await readFile(join(source, file)),
        time,
      );
    }
  }
}

function common(entries: readonly string[], folder: string, more: readonly Plugin[] = []) {
  return {
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // CommonJS packages ask for the platform's modules by `require`.
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
    plugins: [oneLanguage(), sourcePlaces(entries, folder), ...more],
    logLevel: 'warning',
  } as const satisfies BuildOptions;
}

/** zod brings its messages in fifty languages; a third of a small program would be those. */
function oneLanguage(): Plugin {
  return {
    name: 'one-language',
    setup: (build) =>
      build.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
        contents: "export { default as en } from './en.js';",
      })),
  };
}

/**
 * The programs of the images read kubeconfigs by the Kubernetes library and nothing more of it. Its
 * generated client, 16 MB of source, would be parsed at every start.
 */
function credentialsAlone(): Plugin {
  const unused = `
    export function createConfiguration() { throw new Error('the generated client is not built in'); }
    export class ServerConfiguration {}
  `;
  return {
    name: 'credentials-alone',
    setup: (build) => {
      const inLibrary = (path: string) => new RegExp(`/@kubernetes/client-node/dist/${path}$`);
      build.onLoad({ filter: inLibrary('index\\.js') }, () => ({
        contents: "import './polyfill.js';\nexport { KubeConfig } from './config.js';",
      }));
      build.onLoad({ filter: inLibrary('gen/index\\.js') }, () => ({ contents: unused }));
    },
  };
}

/**
 * Files that stand beside a module (grader, harness lockfiles) are found from where its source is;
 * other entries are found beside the bundle.
 */
function sourcePlaces(paths: readonly string[], folder: string): Plugin {
  const entries = new Set(paths.map((path) => basename(path)));
  return {
    name: 'source-places',
    setup: (build) =>
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        const place = JSON.stringify(relative(folder, path));
        const contents = text
          // A namespace import can be shaken: a third of zod is enough for most programs.
          .replace("import { z } from 'zod';", "import * as z from 'zod/v4';")
          .replaceAll(/new URL\('\.\/([\w-]+\.ts)', import\.meta\.url\)/g, (whole, name: string) =>
            entries.has(name)
              ? `new URL('./${name.replace(/ts$/, 'js')}', import.meta['url'])`
              : whole,
          )
          .replaceAll('import.meta.url', `new URL(${place}, import.meta['url']).href`);
        return { contents, loader: 'ts' };
      }),
  };
}

/** A build may run beside commands that start: each file appears whole, as old as its sources. */
async function writeAside(path: string, contents: Uint8Array, time: Date): Promise<void> {
  const aside = `${path}.${process.pid}`;
  await writeFile(aside, contents);
  await utimes(aside, time, time);
  await rename(aside, path);
}

async function removeOld(current: ReadonlySet<string>): Promise<void> {
  const programs = new Set(PROGRAMS.map(({ file }) => dirname(file)));
  for (const name of await readdir(DIST)) {
    if (programs.has(name)) continue;
    const path = join(DIST, name);
    const old = Date.now() - (await stat(path)).mtimeMs > KEEP_OLD_MS;
    if (old && !current.has(name)) await rm(path, { recursive: true, force: true });
  }
}
