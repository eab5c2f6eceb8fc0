import { defineConfig } from 'vitest/config';

/**
 * unit: beside the sources, fast, no sandbox. local: real sandboxes, interpreters and harnesses on
 * this host. Later layers (apiserver, scale, node) add a project each.
 */
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
          ],
          isolate: false,
        },
      },
      {
        test: {
          name: 'local',
          include: ['test/local/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
    exclude: ['dist/**', 'node_modules/**'],
  },
});
