import type { WorkItem } from '../../store/cluster-records.ts';

/** The same text for the same work of one batch. */
export function workKey(item: WorkItem): string {
  switch (item.kind) {
    case 'rollout':
      return `rollout ${item.position}`;
    case 'verification':
      return `verification ${item.attempt} ${item.verification}`;
    case 'gate':
      return `gate ${item.taskDigest} ${item.gate}`;
  }
}
