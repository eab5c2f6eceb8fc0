import { z } from 'zod';
import { parseJson, type Sha256 } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import { zSha256 } from '../protocol/fields.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import { MESSAGES_TOOLS } from '../trajectories/export-messages.ts';

const zFile = z.object({ sha256: zSha256, bytes: z.int().min(0) });

/** What training needs of the manifest of an export (docs/reference/messages-tools.md). */
const zExport = z.object({
  format: z.literal(MESSAGES_TOOLS),
  splits: z.object({ train: z.object({ rows: z.int().min(0) }) }),
  files: z.strictObject({ 'train.jsonl': zFile, 'validation.jsonl': zFile }),
});

export interface ExportArtifact {
  /** The manifest as it is kept. */
  readonly bytes: Uint8Array;
  /** By name: `train.jsonl`, `validation.jsonl`. */
  readonly files: Readonly<Record<string, z.infer<typeof zFile>>>;
  /** Rows to train on. */
  readonly rows: number;
}

/** Reads an export from the store. Throws `NotFound` or, without rows, `InvalidInput`. */
export async function readExport(
  digest: Sha256,
  artifacts: Pick<ArtifactStore, 'read' | 'size'>,
): Promise<ExportArtifact> {
  if ((await artifacts.size(digest)) === undefined) {
    throw new ClawError(
      'NotFound',
      `training data sha256:${digest} is not in this store: name the manifest of an export that was made there`,
    );
  }
  const bytes = await artifacts.read(digest);
  const parsed = zExport.safeParse(json(bytes));
  if (!parsed.success) {
    throw new ClawError(
      'InvalidInput',
      `training data sha256:${digest} is no manifest of ${MESSAGES_TOOLS}: ${z.prettifyError(parsed.error)}`,
    );
  }
  const { files, splits } = parsed.data;
  if (splits.train.rows === 0) {
    throw new ClawError(
      'InvalidInput',
      `training data sha256:${digest} has no row to train on: see why rollouts were left out in the export's manifest, or lower minScore`,
    );
  }
  return { bytes, files, rows: splits.train.rows };
}

function json(bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
