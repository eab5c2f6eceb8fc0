import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import type { PolicyFiles } from '../../engines/local/policy-server.ts';
import type { StepBoard } from '../../training/rl/step-board.ts';
import type { RunFolders } from './reinforce-request.ts';

/** The mark of a complete version; it names the digests of all its files, which the server verifies. */
const READY = 'READY';

/**
 * Where a version of the policy lies; 0 is the base. Throws `CorruptArtifact` where what lies there is not
 * what the trainer acknowledged.
 */
export async function policyFolder(
  version: number,
  board: Pick<StepBoard, 'batch'>,
  folders: RunFolders,
): Promise<PolicyFiles> {
  const templateFile = join(folders.in, 'template', 'chat_template.jinja');
  if (version === 0) return { modelDir: join(folders.in, 'model'), templateFile, version };
  const modelDir = join(folders.out, 'policy', `v-${version}`);
  const said = board.batch(version)?.trained?.manifestSha256;
  const found = await readFile(join(modelDir, READY)).then(sha256, () => undefined);
  if (said !== undefined && found === said) return { modelDir, templateFile, version };
  throw new ClawError(
    'CorruptArtifact',
    `policy version ${version} in ${modelDir}: its ${READY} has SHA-256 ${found ?? 'none'}, and the trainer said ${said ?? 'nothing'}`,
  );
}
