import { describe, expect, test } from 'vitest';
import { layerCluster } from '../support/layer-cluster.ts';

const cluster = layerCluster();

describe('the apiserver layer', () => {
  test('reports the pinned version', async () => {
    const version = JSON.parse(await cluster.kubectl(['version', '-o', 'json']));
    expect(version.serverVersion.gitVersion).toMatch(/^v1\.36\.\d+$/);
  });
});
