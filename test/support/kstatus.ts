/** What tools that wait for objects (kstatus of cli-utils: Flux, kpt, Argo's helpers) make of one. */
export type KStatus = 'InProgress' | 'Failed' | 'Current' | 'Terminating';

export interface KStatusObject {
  readonly metadata: {
    readonly generation?: number | undefined;
    readonly deletionTimestamp?: string | undefined;
  };
  readonly status?:
    | {
        readonly observedGeneration?: number | undefined;
        readonly conditions?:
          | readonly { readonly type: string; readonly status: string }[]
          | undefined;
      }
    | undefined;
}

/**
 * The published rules for kinds that kstatus does not know by name, in their order: an object that is
 * being deleted; a status of another generation; then the conditions one after the other, Reconciling
 * and Stalled where they are True; last Ready. An object that says none of this counts as current.
 */
export function kstatus({ metadata, status }: KStatusObject): KStatus {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  const observed = status?.observedGeneration;
  if (observed !== undefined && observed !== metadata.generation) return 'InProgress';
  const conditions = status?.conditions ?? [];
  for (const condition of conditions) {
    if (condition.status !== 'True') continue;
    if (condition.type === 'Reconciling') return 'InProgress';
    if (condition.type === 'Stalled') return 'Failed';
  }
  const ready = conditions.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True' ? 'Current' : 'InProgress';
}
