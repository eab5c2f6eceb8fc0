import { z } from 'zod';

/** Targets of `deploy/images/Dockerfile`. */
export const zImageName = z.enum(['operator', 'server', 'runner', 'agent-pi', 'agent-openclaw']);
export type ImageName = z.infer<typeof zImageName>;
export const IMAGE_NAMES = zImageName.options;

/** Registry and tag of images that were built here: what a chart's values must say to find them. */
export const LOCAL_REGISTRY = 'localhost';
export const LOCAL_TAG = 'dev';

/** Full name as pods give it. */
export function imageReference(name: ImageName, tag = LOCAL_TAG): string {
  return `${LOCAL_REGISTRY}/clawgym-${name}:${tag}`;
}
