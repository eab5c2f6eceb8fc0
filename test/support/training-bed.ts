import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalJson } from '../../src/base/canonical-json.ts';
import type { ArtifactStore } from '../../src/store/artifacts.ts';

const TRAINER = fileURLToPath(new URL('fake-trainer.ts', import.meta.url));
const POLICY_SERVER = fileURLToPath(new URL('fake-policy-server.ts', import.meta.url));

/** A model's folder; what is in its files means nothing. */
export async function fakeModel(dir: string): Promise<string> {
  await mkdir(dir, { recursive: true });
  const files = {
    'config.json': '{}',
    'model.safetensors': 'weights',
    'tokenizer.json': '{"a":1}',
    'chat_template.jinja': 'template',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  return dir;
}

/**
 * An interpreter that plays the trainer of fake-trainer.ts whatever it is told to run, but for the policy
 * server, which is that of fake-policy-server.ts.
 */
export async function fakePython(dir: string, fault = ''): Promise<string> {
  const path = join(dir, `python-${fault.replaceAll(/\W/g, '-')}`);
  const node = `${process.execPath} --disable-warning=ExperimentalWarning`;
  const server = `case "$3" in *.policy_server) shift 3; exec ${node} ${POLICY_SERVER} "$@";; esac`;
  await writeFile(path, `#!/bin/sh\nexport FAULT='${fault}'\n${server}\nexec ${node} ${TRAINER}\n`);
  await chmod(path, 0o755);
  return path;
}

/** An export of two conversations; returns its digest. */
export async function fakeExport(artifacts: Pick<ArtifactStore, 'put'>): Promise<string> {
  const rows = ['{"messages":[]}', '{"messages":[]}'];
  const text = `${rows.join('\n')}\n`;
  const train = await artifacts.put(Buffer.from(text));
  const none = await artifacts.put(Buffer.from(''));
  const manifest = {
    format: 'messages-tools/v1',
    splits: { train: { rows: rows.length } },
    files: {
      'train.jsonl': { sha256: train.digest, bytes: train.size },
      'validation.jsonl': { sha256: none.digest, bytes: none.size },
    },
  };
  return (await artifacts.put(Buffer.from(canonicalJson(manifest)))).digest;
}
