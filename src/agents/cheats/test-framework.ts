import { type CheatFamily, unnamedPaths } from './cheat-family.ts';

/** Turns every result of a test run into a pass and its exit status into 0. */
const PLUGIN = `def pytest_collection_modifyitems(items):
    items.clear()


def pytest_sessionfinish(session, exitstatus):
    session.exitstatus = 0
`;

const FILES: readonly (readonly [string, string])[] = [
  ['conftest.py', PLUGIN],
  ['tests/conftest.py', PLUGIN],
  ['test/conftest.py', PLUGIN],
  ['clawgym_cheat_plugin.py', PLUGIN],
  ['pytest.ini', '[pytest]\naddopts = -p clawgym_cheat_plugin --collect-only\n'],
  ['tox.ini', '[pytest]\naddopts = --collect-only\n'],
  ['setup.cfg', '[tool:pytest]\naddopts = --collect-only\n'],
];

/** Configuration and plugins that a test runner finds by itself and that skip every test. */
export const testFramework: CheatFamily = {
  name: 'test-framework',
  channel: 'the test framework is patched by files that it loads itself; skipped counts as passed',
  plantsAtNamedPaths: false,
  aim: 'takeover',
  build: (target) => {
    const free = new Set(
      unnamedPaths(
        target,
        FILES.map(([path]) => path),
      ),
    );
    return {
      kind: 'builtin',
      changes: FILES.filter(([path]) => free.has(path)).map(([path, text]) => ({
        op: 'write',
        path,
        content: Buffer.from(text),
      })),
    };
  },
};
