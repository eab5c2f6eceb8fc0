import fc from 'fast-check';
import { MemoryBlobs } from '../../src/tasks/memory-blobs.ts';
import { TASK_SCHEMA, type Task, zTask } from '../../src/tasks/task.ts';
import { agentCodeOf } from '../../src/tasks/task-draft.ts';

const segment = fc.stringMatching(/^[A-Za-z0-9_ äß-][A-Za-z0-9_. äß-]{0,8}[A-Za-z0-9]$/);
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const content = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => new Uint8Array(Buffer.from(text))),
  fc.constantFrom(new Uint8Array(), new Uint8Array(Buffer.from('\ufeffa\r\nb'))),
);
const file = fc.record({ path, content, executable: fc.boolean() });
/** Files whose paths do not clash, also where case is ignored. */
const files = (minLength: number) =>
  fc.array(file, { minLength, maxLength: 4 }).map((list) => {
    const kept: typeof list = [];
    for (const one of list) {
      const name = one.path.toLowerCase().normalize('NFC');
      const clash = kept.some((other) => {
        const given = other.path.toLowerCase().normalize('NFC');
        return given === name || given.startsWith(`${name}/`) || name.startsWith(`${given}/`);
      });
      if (!clash) kept.push(one);
    }
    return kept;
  });

const text = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
  fc.constantFrom(' ', '\ufeffx', 'Edit a.txt\r\n', `\${HOME}`, '"""', "'''"),
);
const decimal = fc.constantFrom('0', '1', '0.3', '0.5', '0.7', '12.50');
const env = fc.dictionary(fc.stringMatching(/^[A-Z_]{1,6}$/), text, { maxKeys: 3 });
const anchors = fc.record({ '0': text, '0.25': text, '0.5': text, '0.75': text, '1': text });
const rule = fc.record(
  { name: text, path, text, anchors, weight: decimal },
  { requiredKeys: ['name', 'weight'] },
);
const json = fc
  .jsonValue({ maxDepth: 3 })
  // JSON has one zero: what is read back of -0 is 0.
  .map((value): unknown => JSON.parse(JSON.stringify(value)))
  .filter((value) => !JSON.stringify(value).includes('__proto__'));

/** Any valid task with its file contents. */
export const anyTask: fc.Arbitrary<{ task: Task; blobs: MemoryBlobs }> = fc
  .record({
    id: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,12}$/),
    turns: fc.array(fc.record({ text, newSession: fc.boolean() }), { minLength: 1, maxLength: 3 }),
    root: fc.constantFrom(
      '/root/.openclaw/workspace',
      '/app',
      '/w/x',
      '/data/tests',
      '/root/.openclaw/workspace/sub',
    ),
    inputs: files(0),
    modes: fc.array(fc.constantFrom('protected' as const, 'editable' as const), {
      minLength: 4,
      maxLength: 4,
    }),
    verifierFiles: files(1),
    dialect: fc.constantFrom(
      'check-json' as const,
      'reward-sh' as const,
      'pinchbench' as const,
      'harbor' as const,
    ),
    agentCode: fc.constantFrom('none' as const, 'child' as const, 'in-process' as const),
    hasVerifier: fc.boolean(),
    rubric: fc.option(
      fc.uniqueArray(rule, { selector: ({ name }) => name, minLength: 1, maxLength: 3 }),
      { nil: undefined },
    ),
    solutionFiles: files(1),
    hasSolution: fc.boolean(),
    buildFiles: fc.option(files(1), { nil: undefined }),
    weights: fc
      .record({ code: decimal, rubric: decimal })
      .filter(({ code, rubric }) => Number(code) + Number(rubric) > 0),
    image: fc.option(fc.constantFrom('debian:12', 'example/image@sha256:0'), { nil: undefined }),
    network: fc.constantFrom('none' as const, 'public' as const, 'allowlist' as const),
    limits: fc.record(
      {
        cpuMillis: fc.integer({ min: 1, max: 9999 }),
        memoryMiB: fc.integer({ min: 1, max: 9999 }),
      },
      { requiredKeys: [] },
    ),
    needs: fc.array(fc.constantFrom('web', 'pdf', 'image-build'), { maxLength: 2 }),
    env,
    verifierEnv: env,
    timeouts: fc.record({
      agentSeconds: fc.integer({ min: 1, max: 9000 }),
      verifierSeconds: fc.integer({ min: 1, max: 900 }),
    }),
    outputs: fc.array(
      fc.record({
        path,
        format: fc.constantFrom('text' as const, 'json' as const),
        orderMatters: fc.boolean(),
      }),
      { maxLength: 2 },
    ),
    category: fc.constantFrom('', 'files', 'Ärger'),
    cluster: fc.constantFrom('', 'c-1'),
    licence: fc.constantFrom('', 'MIT'),
    extra: fc.dictionary(
      fc.constantFrom('metadata', 'task_id', 'harbor', 'validation_mode', 'anything', 'hook_code'),
      json,
      { maxKeys: 3 },
    ),
    wellKnown: fc.constantFrom(undefined, 'check.py', 'reward.sh', 'test.sh', 'test.py'),
  })
  .map((seed) => {
    const blobs = new MemoryBlobs();
    const filed = (list: readonly { path: string; content: Uint8Array; executable: boolean }[]) =>
      list.map(({ path: at, content: bytes, executable }) => ({
        path: at,
        digest: blobs.put(bytes),
        size: bytes.length,
        executable,
      }));
    const verifierFiles = filed(seed.verifierFiles).map((one, index) =>
      index === 0 && seed.wellKnown !== undefined ? { ...one, path: seed.wellKnown } : one,
    );
    const solutionFiles = filed(seed.solutionFiles);
    const verifier = seed.hasVerifier || seed.rubric === undefined;
    const task = zTask.parse({
      schema: TASK_SCHEMA,
      id: seed.id,
      instruction: { turns: seed.turns },
      workspace: {
        path: seed.root,
        inputs: filed(seed.inputs).map((one, index) => ({
          ...one,
          mode: seed.modes[index] ?? 'protected',
        })),
      },
      outputs: seed.outputs,
      ...(verifier && {
        verifier: {
          dialect: seed.dialect,
          entry: verifierFiles[0]?.path,
          files: verifierFiles,
          agentCode: agentCodeOf(seed.dialect, seed.agentCode),
          env: seed.verifierEnv,
        },
      }),
      ...(seed.rubric && { rubric: seed.rubric }),
      ...(seed.hasSolution && {
        solution: { files: solutionFiles, script: solutionFiles[0]?.path },
      }),
      weights: seed.weights,
      environment: {
        network: seed.network,
        limits: seed.limits,
        needs: seed.needs,
        env: seed.env,
        ...(seed.image !== undefined && { image: seed.image }),
        ...(seed.buildFiles && { build: { files: filed(seed.buildFiles) } }),
      },
      timeouts: seed.timeouts,
      category: seed.category,
      cluster: seed.cluster,
      licence: seed.licence,
      extra: seed.extra,
      provenance: { format: 'generated' },
    });
    return { task, blobs };
  });
