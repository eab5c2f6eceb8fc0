import { GROUP } from '../../../src/api/group.ts';

/** Field manager of everything that the controllers write. */
export const FIELD_MANAGER = 'clawgym-operator';
/** `spec.managedBy` of objects that are ours; absent means the same. */
export const MANAGED_BY = `${GROUP}/operator`;
export const REPORTING_CONTROLLER = `${GROUP}/operator`;

/**
 * Annotation of a Job that is to be ended: why. Written before the deletion, so that the pods that go
 * with it are known to be deleted by us also after a restart.
 */
export const ENDING = `${GROUP}/ending`;
/** Annotation of a Job whose parallelism was lowered: when, RFC 3339. Its surplus pods are ours. */
export const LOWERED_AT = `${GROUP}/parallelism-lowered-at`;
