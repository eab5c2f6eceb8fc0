import { chmod } from 'node:fs/promises';
import { afterAll, beforeAll } from 'vitest';
import type { GradeResult } from '../../src/phases/grade.ts';
import type { ProcessSandbox } from '../../src/phases/process-sandbox.ts';
import { type GradeCase, gradeCase } from './grading.ts';
import { tempDir } from './temp-dir.ts';

/** What all tests of a file grade in; there from the first test on. */
export interface GradingPlace {
  readonly sandbox: ProcessSandbox;
  /** A folder that the sandbox reaches. */
  readonly path: string;
  readonly run: (one: GradeCase) => Promise<GradeResult>;
}

export function gradingPlace(open: () => Promise<ProcessSandbox>): GradingPlace {
  let sandbox: ProcessSandbox;
  let dir: Awaited<ReturnType<typeof tempDir>>;
  beforeAll(async () => {
    sandbox = await open();
    dir = await tempDir();
    await chmod(dir.path, 0o755);
  });
  afterAll(() => dir[Symbol.asyncDispose]());
  return {
    get sandbox() {
      return sandbox;
    },
    get path() {
      return dir.path;
    },
    run: (one) => gradeCase(sandbox, dir.path, one),
  };
}
