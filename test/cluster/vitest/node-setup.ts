import type { TestProject } from 'vitest/node';
import { setUpLayer } from './layer-setup.ts';

/** vitest calls this once before the tests of the project `node`, and what it returns after them. */
export function setup(project: TestProject): Promise<() => Promise<void>> {
  return setUpLayer(project, 'node');
}
