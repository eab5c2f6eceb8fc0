/** API group and version of all kinds. */
export const GROUP = 'clawgym.io';
export const VERSION = 'v1alpha1';
/** `kubectl get clawgym` lists every kind. */
export const CATEGORIES: readonly string[] = ['clawgym'];
