import type { Sha256 } from '../../../base/brand.ts';
import { canonicalJson } from '../../../base/canonical-json.ts';
import { sha256 } from '../../../base/digest.ts';

/** Everything that decides what is in a runner root, except the versions on the mirror. */
export interface RunnerRootRecipe {
  /** Raise it when the steps of the build change. */
  readonly version: number;
  readonly suite: string;
  readonly variant: string;
  readonly packages: readonly string[];
  /** dpkg path filters: what nobody reads inside a sandbox. */
  readonly pathFilters: readonly string[];
  readonly arch: string;
}

/** What verifiers of public tasks and agents' tools use (Python 3.13 in this suite). */
export function runnerRootRecipe(arch: string): RunnerRootRecipe {
  return {
    version: 2,
    suite: 'trixie',
    variant: 'minbase',
    packages: [
      'bash',
      'ca-certificates',
      'curl',
      'git',
      'jq',
      'make',
      'openssl',
      'procps',
      'python-is-python3',
      'python3',
      'python3-cryptography',
      'python3-pytest',
      'python3-yaml',
      'ruby',
      'sqlite3',
      'tzdata',
      'unzip',
      'zip',
    ],
    pathFilters: [
      'path-exclude=/usr/share/doc/*',
      'path-include=/usr/share/doc/*/copyright',
      'path-exclude=/usr/share/info/*',
      'path-exclude=/usr/share/lintian/*',
      'path-exclude=/usr/share/locale/*',
      'path-exclude=/usr/share/man/*',
      'path-exclude=/usr/share/ri/*',
    ],
    arch,
  };
}

/** Names the folder of a runner root in the cache. */
export function recipeDigest(recipe: RunnerRootRecipe): Sha256 {
  return sha256(canonicalJson(recipe));
}

/**
 * Arguments of mmdebstrap that build the recipe into a tar file. Without root it needs subordinate
 * uids (`unshare`); its other modes fail late or build something else.
 */
export function mmdebstrapArgs(
  recipe: RunnerRootRecipe,
  tarFile: string,
  mirror: string | undefined,
  mode: 'root' | 'unshare',
): string[] {
  return [
    `--mode=${mode}`,
    `--variant=${recipe.variant}`,
    `--include=${recipe.packages.join(',')}`,
    ...recipe.pathFilters.map((filter) => `--dpkgopt=${filter}`),
    '--format=tar',
    recipe.suite,
    tarFile,
    ...(mirror === undefined ? [] : [mirror]),
  ];
}

/** Equal for roots that were made by one recipe and hold the same versions of the same packages. */
export function rootIdentity(
  recipe: RunnerRootRecipe,
  packages: Readonly<Record<string, string>>,
): Sha256 {
  return sha256(canonicalJson({ recipe: recipeDigest(recipe), packages }));
}

/** Installed packages and their versions, from dpkg's status file. */
export function installedPackages(dpkgStatus: string): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const paragraph of dpkgStatus.split('\n\n')) {
    const name = /^Package: (.+)$/m.exec(paragraph)?.[1];
    const version = /^Version: (.+)$/m.exec(paragraph)?.[1];
    const installed = /^Status: .* installed$/m.test(paragraph);
    if (name !== undefined && version !== undefined && installed) versions[name] = version;
  }
  return versions;
}
