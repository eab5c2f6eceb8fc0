import { defineConfig } from 'vitest/config';
import { LongFirst } from './test/cluster/vitest/long-first.ts';

/**
 * unit: beside the sources, fast, no sandbox. local: real sandboxes, interpreters and harnesses on
 * this host. apiserver, scale, node: layers of the test cluster, started by their set-ups once for each
 * worker: files that run at the same time never share a cluster, unless it is one that was there before.
 */
const OWN_CLUSTERS = process.env['USE_EXISTING_CLUSTER'] !== 'true';
const LAYER_WORKERS = Math.max(1, Number(process.env['CLAWGYM_LAYER_WORKERS'] ?? 2) || 2);
const LAYERS = ['apiserver', 'scale', 'node'].map((layer) => ({
  test: {
    name: layer,
    include: [`test/${layer}/**/*.test.ts`],
    globalSetup: [`test/cluster/vitest/${layer}-setup.ts`],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: OWN_CLUSTERS && layer !== 'scale' ? LAYER_WORKERS : 1,
    // Tests that may run at the same time wait most of their time; two cores keep up with so many.
    maxConcurrency: 4,
  },
}));

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'operator/**/*.test.ts',
            'scripts/**/*.test.ts',
            'test/unit/**/*.test.ts',
            'test/cluster/**/*.test.ts',
          ],
          isolate: false,
          maxWorkers: 2,
          setupFiles: ['test/support/property-seed.ts'],
          // Properties run for seconds where the host is busy.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'local',
          include: ['test/local/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 600_000,
          // Half of their time is waiting: for deadlines, restarts, agents that hang.
          maxWorkers: 2,
        },
      },
      ...LAYERS,
    ],
    exclude: ['dist/**', 'node_modules/**'],
    sequence: { sequencer: LongFirst },
  },
});
