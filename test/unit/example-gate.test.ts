import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { checkTask } from '../../src/tasks/gate/check-task.ts';
import { loadTaskSet } from '../../src/tasks/load-task-set.ts';
import { agentCodeScanner } from '../../src/verifiers/scan-agent-code.ts';

test('every example task passes the static gate without an error or a warning', async () => {
  const loaded = await loadTaskSet(resolve(import.meta.dirname, '../../examples/tasks'), {
    scanAgentCode: agentCodeScanner,
    signal: new AbortController().signal,
  });
  try {
    expect(loaded.problems).toEqual([]);
    expect(loaded.set.tasks).toHaveLength(12);
    for (const { task } of loaded.set.tasks)
      expect([task.id, await checkTask(task, loaded.set.blobs)]).toEqual([task.id, []]);
  } finally {
    await loaded.close();
  }
});
