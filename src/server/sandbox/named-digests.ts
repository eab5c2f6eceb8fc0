import type { Sha256 } from '../../base/brand.ts';
import type { Content } from '../../protocol/sandbox-api.ts';
import type { FetchGrant, StageGrant } from './claim-desk.ts';

/** The artifacts that `stage` has to read for its grant. */
export function namedByStage(grant: StageGrant): readonly Sha256[] {
  return digestsOf([
    ...grant.inputs.map(({ content }) => content),
    ...contentsOf(grant.changes),
    ...grant.agentFiles.map(({ content }) => content),
  ]);
}

/** As `namedByStage`, for `fetch`: also the snapshot and what the desk names. */
export function namedByFetch(grant: FetchGrant): readonly Sha256[] {
  const named = new Set([...grant.reads, ...digestsOf(contentsOf(grant.changes))]);
  if (grant.snapshot !== undefined) named.add(grant.snapshot);
  return [...named];
}

function contentsOf(changes: StageGrant['changes']): readonly Content[] {
  return changes.flatMap((change) => (change.op === 'write' ? [change.content] : []));
}

function digestsOf(contents: readonly Content[]): readonly Sha256[] {
  const digests = contents.flatMap((content) => ('digest' in content ? [content.digest] : []));
  return [...new Set(digests)];
}
