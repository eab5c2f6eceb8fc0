import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInstaller } from '../../src/agents/run-installer.ts';
import { type ClawTask, clawTask } from '../../src/api/claw-task.ts';
import { sha256 } from '../../src/base/digest.ts';
import type { ReinforceRequest, RunFolders } from '../../src/cli/reinforce/reinforce-request.ts';
import { DEFAULT_SETTINGS } from '../../src/server/planning/batch-settings.ts';

/** The smallest thing that learns: what share of the letters that a model says are those of the wanted word. */
const WORDS = ['amber', 'birch', 'cedar', 'delta', 'ember', 'fjord', 'grape', 'hazel'];
const TASKS = ['amber', 'cedar'];
/** Of `birch` and `hazel`. */
const BREAKS = 'h';

/** Says what the model says into answer.txt: without a tool, so that a model of random weights can act. */
const AGENT = `
import json, os, urllib.request
text = open(os.environ["CLAWGYM_INSTRUCTION_FILE"]).read().strip()
body = {"model": os.environ["CLAWGYM_MODEL"], "messages": [{"role": "user", "content": text}]}
request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", json.dumps(body).encode(), {"content-type": "application/json", "authorization": "Bearer x"})
with urllib.request.urlopen(request) as response:
    message = json.load(response)["choices"][0]["message"]
open("answer.txt", "w").write(message["content"] or "")
`;

/**
 * The share of letters that the word has, of at least eight. A letter that the model says now and then breaks it,
 * and so does a folder without an answer: such a rollout has no score, and it may be no reward of 0.
 */
function verifier(word: string): string {
  return `import json, pathlib, sys
said = pathlib.Path(sys.argv[1], "answer.txt").read_text()[:1000].strip()
assert "${BREAKS}" not in said
print(json.dumps({"share": sum(each in ${JSON.stringify(word)} for each in said) / max(8, len(said))}))
`;
}

const task = (word: string): ClawTask =>
  clawTask.schema.parse({
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'ClawTask',
    metadata: { name: `say-${word}` },
    spec: {
      task: {
        instruction: { turns: [{ text: `say ${word}` }] },
        outputs: [{ path: 'answer.txt', format: 'text' }],
        verifier: {
          dialect: 'check-json',
          entry: 'check.py',
          files: [{ path: 'check.py', text: verifier(word) }],
        },
      },
    },
  });

/** Makes RUN_IN with a model of random weights. */
export async function makeInputs(folder: string, python: string, path: string): Promise<void> {
  const texts = join(folder, 'texts.txt');
  await writeFile(texts, `${WORDS.map((word) => ` ${word} ${word}`).join('\n')}\n`.repeat(8));
  const model = join(folder, 'in', 'model');
  const template = join(folder, 'in', 'template');
  const flags = ['--text', texts, '--out', model, '--vocab', '320', '--seed', '7'];
  await runInstaller({
    argv: ['env', `PYTHONPATH=${path}`, python, '-m', 'clawgym_trainer.tiny_model', ...flags],
    ...{ cwd: folder, env: process.env, signal: AbortSignal.timeout(120_000) },
  });
  await mkdir(template, { recursive: true });
  await cp(join(model, 'chat_template.jinja'), join(template, 'chat_template.jinja'));
  for (const dir of [model, template]) await writeManifest(dir);
}

async function writeManifest(dir: string): Promise<void> {
  const names = (await readdir(dir)).toSorted();
  const files = await Promise.all(
    names.map(async (path) => ({
      path,
      size: (await stat(join(dir, path))).size,
      sha256: sha256(await readFile(join(dir, path))),
    })),
  );
  await writeFile(join(dir, 'manifest.json'), JSON.stringify(files));
}

/** A run over the two tasks. */
export async function bedRequest(folder: string, steps: number): Promise<ReinforceRequest> {
  const inputs = join(folder, 'in');
  const folders: RunFolders = { in: inputs, out: join(folder, 'out'), work: join(folder, 'work') };
  const digest = async (path: string) => sha256(await readFile(join(inputs, path)));
  const temperature = '1.0';
  return {
    name: 'rl',
    base: {
      digest: await digest('model/manifest.json'),
      templateSha256: await digest('template/chat_template.jinja'),
      tokenizerSha256: await digest('model/tokenizer.json'),
    },
    ...{ seed: 7, steps, groups: { perStep: 2, samples: 6, minSamples: 2 } },
    tasks: {
      path: join(folder, 'tasks.yaml'),
      objects: TASKS.map(task),
      ids: undefined,
      skipInvalid: false,
    },
    evaluation: undefined,
    agent: { name: 'command', command: ['python3', '-c', AGENT] },
    settings: { ...DEFAULT_SETTINGS, budgets: {} },
    sampling: { temperature, topP: '1', maxTokens: 6 },
    // Its model never ends an answer by itself.
    cutAnswers: 'train',
    ...{ maxRowTokens: 256, trainerRetries: 3, graceSeconds: 20, parallelism: 6 },
    folders,
    writeSpec: async (batches) => {
      const path = join(folders.work, 'run-spec.json');
      await writeFile(path, JSON.stringify(runSpec(steps, temperature, batches)));
      return path;
    },
  };
}

function runSpec(steps: number, temperature: string, batches: object): object {
  return {
    ...{ contract: 'rl-tokens/v1', run: 'rl', name: 'rl', seed: 7, device: 'cpu' },
    ...{ deterministic: true, method: { type: 'full' }, context: { maxTokens: 256 } },
    hyper: {
      ...{ learningRate: '1e-2', microBatch: 8, warmupSteps: 0 },
      ...{ schedule: 'constant', weightDecay: '0', gradientClip: '1.0' },
    },
    checkpoint: { keep: 2, graceSeconds: 20 },
    rl: {
      steps,
      algorithm: {
        ...{ loss: 'grpo', clipLow: '0.2', clipHigh: '0.28', ratio: 'sampler' },
        ...{ tokenMask: ['0.5', '5.0'], temperature, topP: '1' },
      },
      batches,
    },
  };
}
