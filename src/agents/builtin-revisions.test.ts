import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HOST, prepared } from '../../test/support/agent-tasks.ts';
import { exampleTask } from '../../test/support/example-task.ts';
import { sha256 } from '../base/digest.ts';
import { CHEAT_FAMILIES } from './cheat-families.ts';
import { agentFor } from './registry.ts';

const TASKS = readdirSync(new URL('../../examples/tasks', import.meta.url));
const NAMES = [
  ...['nop', 'lazy', 'lazy:empty', 'solution'],
  ...CHEAT_FAMILIES.map(({ name }) => `cheat:${name}`),
];

/**
 * A run of one revision is not carried on with another, and a revision is all that tells two builtin
 * agents apart. Where a line differs because the agent does: raise its `revision`. Where only an
 * example task changed: update the snapshot.
 */
test('a builtin agent that does something else has another revision', async () => {
  const tasks = await Promise.all(TASKS.toSorted().map(exampleTask));
  const lines = NAMES.map(async (name) => {
    const agent = await prepared(agentFor({ name }, HOST));
    const plans = tasks.map(async ({ task, blobs }) => {
      const context = { blobs, model: undefined, deadlineSeconds: 60 };
      return JSON.stringify(await agent.plan(task, context));
    });
    const done = sha256((await Promise.all(plans)).join('\n'));
    return `${name} revision ${agent.version}: ${done.slice(0, 12)}`;
  });
  expect(await Promise.all(lines)).toMatchInlineSnapshot(`
    [
      "nop revision 1: b94a7faed3d2",
      "lazy revision 1: d0cf60a6fd67",
      "lazy:empty revision 1: 77faa6e0e2c1",
      "solution revision 1: 9b80919b67b7",
      "cheat:reward-json-module revision 1: 1b6572600ec2",
      "cheat:cwd-modules revision 1: 1f06d8604d6d",
      "cheat:sibling-modules revision 2: a9273d3d4dfe",
      "cheat:program-shims revision 1: 44c41a0b5cfd",
      "cheat:python-startup revision 1: 529f1d7ecd3b",
      "cheat:shell-startup revision 1: 743687819e15",
      "cheat:test-framework revision 1: 064b2862c083",
      "cheat:reward-files revision 1: 1cf0eb20eadf",
      "cheat:link-folders revision 1: 7c8bf8090975",
      "cheat:link-outputs revision 1: 3f7c95612df6",
      "cheat:named-modules revision 1: b94a7faed3d2",
      "cheat:named-programs revision 1: b94a7faed3d2",
      "cheat:result-rewrite revision 1: b94a7faed3d2",
      "cheat:inputs-changed revision 1: ce12163d51ca",
      "cheat:inputs-emptied revision 1: 4b149010b352",
      "cheat:inputs-deleted revision 1: 4f9994219655",
      "cheat:daemon revision 1: 1e57a1238cca",
      "cheat:outside-writes revision 1: 578e9ae8bbc1",
      "cheat:instruction-echo revision 1: e338403d471c",
      "cheat:judge-injection revision 1: 72a4b1fc5d19",
    ]
  `);
});
