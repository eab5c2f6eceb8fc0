import { defineConfig } from 'vitest/config';

/**
 * unit: beside the sources, fast, no sandbox. local: real sandboxes, interpreters and harnesses on
 * this host. apiserver, scale, node: layers of the test cluster, each started once by its set-up.
 */
const LAYERS = ['apiserver', 'scale', 'node'].map((layer) => ({
  test: {
    name: layer,
    include: [`test/${layer}/**/*.test.ts`],
    globalSetup: [`test/cluster/vitest/${layer}-setup.ts`],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
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
  },
});
