import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import { SOURCE_FORMATS } from './import/importer.ts';
import { type LoadTaskSetOptions, loadTaskSet } from './load-task-set.ts';

test.each(SOURCE_FORMATS)('%s is not looked for in what cannot hold it', async (format) => {
  await using dir = await tempDir();
  const options: LoadTaskSetOptions = {
    scanAgentCode: () => 'none',
    signal: new AbortController().signal,
    format,
  };
  const at = (name: string): string => join(dir.path, name);
  await mkdir(at('folder'));
  await writeFile(at('file'), 'x');
  execFileSync('mkfifo', [at('pipe')]);
  await expect(loadTaskSet(at('pipe'), options)).rejects.toThrow(
    /pipe: got a link or special file, expected a (file|folder|file or folder) for the format/,
  );
  await expect(loadTaskSet(at('none'), options)).rejects.toThrow('no such file or folder');
  if (format === 'pinchbench') return;
  const other = format === 'harbor' || format === 'clawgym-directory' ? 'file' : 'folder';
  await expect(loadTaskSet(at(other), options)).rejects.toThrow(
    new RegExp(`got a ${other}, expected a (file|folder) for the format ${format}`),
  );
});
