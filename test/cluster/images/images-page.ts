import type { ImageName } from './image-names.ts';
import type { LayoutImage } from './oci-layout.ts';

export interface ImageSize {
  readonly name: ImageName;
  /** Of all layers, unpacked. */
  readonly megabytes: number;
  /** Of layers that no image before it in the list has. */
  readonly ownMegabytes: number;
}

const MEGA = 1e6;

export function imageSizes(
  images: readonly (LayoutImage & { readonly name: ImageName })[],
): readonly ImageSize[] {
  const seen = new Set<string>();
  return images.map(({ name, layers }) => {
    const own = layers.filter(({ digest }) => !seen.has(digest));
    for (const { digest } of layers) seen.add(digest);
    return { name, megabytes: sum(layers), ownMegabytes: sum(own) };
  });
}

function sum(layers: LayoutImage['layers']): number {
  return Math.round(layers.reduce((bytes, layer) => bytes + layer.bytes, 0) / MEGA);
}

/** `docs/reference/images.md`. */
export function imagesPage(sizes: readonly ImageSize[]): string {
  const rows = sizes.map(
    ({ name, megabytes, ownMegabytes }) =>
      `| \`clawgym-${name}\` | ${CONTENTS[name]} | ${megabytes} | ${ownMegabytes} |`,
  );
  return `${HEAD}\n${rows.join('\n')}\n${TAIL}`;
}

/** Sizes as the page says them, by image. */
export function readImagesPage(page: string): ReadonlyMap<string, number> {
  const rows = page.matchAll(/^\| `clawgym-([a-z-]+)` \|[^|]*\| (\d+) \|/gm);
  return new Map([...rows].map(([, name = '', size]) => [name, Number(size)]));
}

const CONTENTS: Readonly<Record<ImageName, string>> = {
  operator: 'Node and the controllers; no shell',
  server: 'Node and the server; no shell',
  runner: 'Debian with the tools of tasks, Node, the trusted program, wrapper and grader',
  'agent-pi': 'runner with pi',
  'agent-openclaw': 'runner with OpenClaw',
};

const HEAD = `# Images

Written by \`npm run images -- page\` after a build. Sizes are unpacked megabytes and vary with the
versions of Debian's packages by a few per cent; a test of the node layer fails where one is off by
a quarter. "Own" is what an image adds to those above it on a node that has them.

| image | what is in it | MB | own MB |
| --- | --- | ---: | ---: |`;

const TAIL = `
All run as uid and gid 65534 on a read-only root file system, without capabilities. Where things are:

| path | what | images |
| --- | --- | --- |
| \`/opt/clawgym/bin/node\` | Node 24 | all |
| \`/opt/clawgym/dist\` | the one program of the image | operator, server |
| \`/opt/clawgym/phase/phase.cjs\` | \`stage\`, \`companion\`, \`fetch\`, \`report\` | the other three |
| \`/opt/clawgym/phase/import.cjs\` | reads tasks from a volume | the other three |
| \`/opt/clawgym/phase/synthesis.mjs\` | takes the records of a SynthesisJob through their stages | the other three |
| \`/opt/clawgym/phase/policy.cjs\` | brings a model of ours to the policy server of its pod | the other three |
| \`/opt/clawgym/phase/training.cjs\` | brings a trainer what it begins with, and hands in what it makes | the other three |
| \`/opt/clawgym/agent_init\`, \`/program\` | the agent's wrapper, the grader, both compiled | |
| \`/opt/clawgym/root-digest\` | identity of the tools: equal to \`root\` in the results of a local run that had the same packages | |
| \`/opt/harness\`, \`/opt/node/bin/node\` | the harness where the local engine mounts it, and its Node | agents |

Tools: bash, curl, git, jq, make, openssl, procps, Python 3.13 with cryptography, pytest and PyYAML, ruby,
sqlite3, tzdata, unzip, zip. The list is the local engine's (\`runner-root-recipe.ts\`); a test compares
the two.

## Building

With Docker, or anything else that reads Dockerfiles:

\`\`\`sh
docker build -f deploy/images/Dockerfile --target runner -t REGISTRY/clawgym-runner:TAG .
\`\`\`

Without, on a Debian-like host, as root (buildah and skopeo are installed where they are missing):

\`\`\`sh
npm run images -- build                          # all, as tars in out/images
npm run images -- build runner agent-pi --out /tmp/images
npm run images -- status
\`\`\`

The tars are for \`ctr images import\`, \`kind load image-archive\` and \`skopeo copy oci-archive:\`. Layers are
kept below the cache folder (\`CLAWGYM_CACHE_DIR\`), so that a change of the sources costs the bundle and
a few small layers. Several processes may ask at once: the first builds, the others wait.

Build arguments: \`DEBIAN\` and \`NODE\` (bases), \`VERSION\` (label), \`NODE_EXTRA_CA_CERTS\` (path of certificates
that the package registry needs inside the build).
`;
