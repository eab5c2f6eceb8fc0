import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const TASKS_DIR = new URL('../../../examples/tasks', import.meta.url).pathname;
const SCRIPT = 'solve.sh';
const GRADE_MANY = new URL('grade-many.py', import.meta.url).pathname;

export interface ExampleOutput {
  readonly path: string;
  readonly format: string;
  readonly orderMatters: boolean;
}

export interface DataEntry {
  readonly task_id: string;
  readonly user_query: string;
  readonly input_mount_dir: string;
  readonly metadata: { readonly category: string; readonly grading_type: string };
  readonly clawgym: {
    readonly task: {
      readonly inputs: readonly { readonly path: string; readonly mode: string }[];
      readonly outputs: readonly ExampleOutput[];
      readonly licence: string;
    };
  };
}

/** What lies at a path of a workspace: a file, a folder or a link. */
export type Node = Buffer | { readonly folder: true } | { readonly link: string };
export type Tree = ReadonlyMap<string, Node>;

export interface Example {
  readonly id: string;
  readonly dir: string;
  readonly entry: DataEntry;
  readonly inputs: Tree;
  readonly reward: Tree;
}

export interface Graded {
  readonly checks: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export function loadExamples(): readonly Example[] {
  return readdirSync(TASKS_DIR)
    .toSorted()
    .map((id) => {
      const dir = join(TASKS_DIR, id);
      const entry = JSON.parse(readFileSync(join(dir, 'data_entry.json'), 'utf8')) as DataEntry;
      const inputs = readTree(join(dir, 'input_files'));
      return { id, dir, entry, inputs, reward: readTree(join(dir, 'reward')) };
    });
}

export function readTree(root: string): Map<string, Node> {
  const tree = new Map<string, Node>();
  for (const item of readdirSync(root, { withFileTypes: true, recursive: true })) {
    if (!item.isFile()) continue;
    const path = join(item.parentPath, item.name);
    tree.set(path.slice(root.length + 1), readFileSync(path));
  }
  return tree;
}

export function writeTree(root: string, tree: Tree): void {
  mkdirSync(root, { recursive: true });
  for (const [path, node] of tree) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    if (Buffer.isBuffer(node)) writeFileSync(target, node);
    else if ('folder' in node) mkdirSync(target, { recursive: true });
    else symlinkSync(node.link, target);
  }
}

export function textAt(tree: Tree, path: string): string {
  const node = tree.get(path);
  if (!Buffer.isBuffer(node)) throw new Error(`there is no file ${path}`);
  return node.toString('utf8');
}

/** The workspace after the reference solution: its files laid over the inputs, then its script. */
export function solve(example: Example, scratch: string): Map<string, Node> {
  const workspace = join(scratch, 'solved');
  const solution = readTree(join(example.dir, 'solution'));
  const files = [...solution].filter(([path]) => path !== SCRIPT);
  writeTree(workspace, new Map([...example.inputs, ...files]));
  if (solution.has(SCRIPT)) {
    const options = { cwd: workspace, timeout: 20_000 };
    execFileSync('bash', [join(example.dir, 'solution', SCRIPT)], options);
  }
  return readTree(workspace);
}

/** Grades each workspace in one interpreter, in order. */
export function gradeAll(example: Example, scratch: string, trees: readonly Tree[]): Graded[] {
  const roots = trees.map((tree, index) => {
    const root = join(scratch, `w${index}`);
    writeTree(root, tree);
    return root;
  });
  const answer = execFileSync('python3', ['-I', GRADE_MANY, join(example.dir, 'reward/check.py')], {
    input: `${roots.join('\n')}\n`,
    encoding: 'utf8',
    timeout: 120_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  const lines = answer.trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Graded);
}

export function mean(graded: Graded): number {
  const values = Object.values(graded.checks);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
