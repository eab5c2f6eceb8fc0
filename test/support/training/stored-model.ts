import type { Sha256 } from '../../../src/base/brand.ts';
import type { ArtifactStore } from '../../../src/store/artifacts.ts';
import { publishModel } from '../../../src/training/model-artifact.ts';
import type { ModelRecord } from '../../../src/training/model-manifest.ts';

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'chat_template.jinja'];

/** A model in the store whose files mean nothing and are nobody else's. */
export async function storedModel(
  name: string,
  artifacts: Pick<ArtifactStore, 'put'>,
  record: Partial<ModelRecord> = {},
): Promise<{ readonly digest: Sha256; readonly files: readonly Sha256[] }> {
  const files = [];
  for (const path of FILES) {
    const { digest, size } = await artifacts.put(Buffer.from(`${path} of ${name}`));
    files.push({ path, digest, bytes: size });
  }
  const whole = { versions: {}, parents: [], ...record };
  const { digest } = await publishModel(name, files, whole, artifacts);
  return { digest, files: files.map((file) => file.digest) };
}
