import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REPORT_DIR } from '../../src/phases/agent-spec.ts';
import { GRADER_ARGV } from '../../src/phases/grade-programs.ts';
import { AGENT_INIT_FILES, GRADER_FILES } from '../../src/phases/program-files.ts';
import {
  ENV,
  IMAGE_PATHS,
  READY_FILE,
  type Role,
  SPEC_FILE,
  TRUSTED,
} from '../../src/protocol/pod-contract.ts';
import { podVolume, type RunningContainer, startContainer } from './pod-container.ts';
import type { ScriptedListener } from './scripted-listener.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAMS = join(ROOT, 'src/phases/programs');

/** Volumes of a rollout or verify pod, and its containers as the pod's template mounts them. */
export class PodContainers {
  readonly workspacePath: string;
  readonly #listener: ScriptedListener;
  readonly #folder: string;
  readonly #volumes = new Map<string, string>();

  /** @param folder a fresh one; what is made in it stays for the caller to remove */
  constructor(folder: string, listener: ScriptedListener, workspacePath: string) {
    this.#folder = folder;
    this.#listener = listener;
    this.workspacePath = workspacePath;
  }

  /** Host folder of a volume. */
  volume(name: Exclude<keyof typeof TRUSTED, 'token'> | 'tmp'): string {
    const path = this.#volumes.get(name) ?? podVolume(this.#folder, name);
    this.#volumes.set(name, path);
    return path;
  }

  get readyFile(): string {
    return join(this.volume('state'), READY_FILE);
  }

  start(role: Role): RunningContainer {
    writeFileSync(join(this.volume('state'), 'token'), 'head.body.signature\n');
    const names = ['workspace', 'agent', 'report', 'verifier', 'verdict', 'state'] as const;
    return startContainer({
      argv: [IMAGE_PATHS.node, '/repo/src/phases/pod/main.ts', role],
      env: {
        [ENV.serverUrl]: this.#listener.url,
        [ENV.serverCa]: this.#listener.ca,
        [ENV.tokenFile]: `${TRUSTED.state}/token`,
        [ENV.graceSeconds]: '60',
        NODE_NO_WARNINGS: '1',
      },
      hostNetwork: true,
      mounts: [
        { source: process.execPath, target: IMAGE_PATHS.node, mode: 'ro' },
        { source: ROOT, target: '/repo', mode: 'ro' },
        ...names.map((name) => ({
          source: this.volume(name),
          target: TRUSTED[name],
          mode: 'rw' as const,
        })),
      ],
    });
  }

  startAgent(): RunningContainer {
    const { agentInit } = IMAGE_PATHS;
    return startContainer({
      argv: ['/usr/bin/python3', '-I', '-S', '-B', agentInit, `${REPORT_DIR}/${SPEC_FILE}`],
      mounts: [
        { source: flatPrograms(this.#folder, 'wrapper'), target: agentInit, mode: 'ro' },
        { source: this.volume('workspace'), target: this.workspacePath, mode: 'rw' },
        { source: this.volume('report'), target: REPORT_DIR, mode: 'rw' },
        { source: this.volume('agent'), target: '/agent', mode: 'ro' },
      ],
    });
  }

  startGrade(): RunningContainer {
    return startContainer({
      argv: GRADER_ARGV,
      mounts: [
        { source: flatPrograms(this.#folder, 'grader'), target: IMAGE_PATHS.grader, mode: 'ro' },
        { source: this.volume('workspace'), target: this.workspacePath, mode: 'rw' },
        { source: this.volume('verifier'), target: '/verifier', mode: 'ro' },
        { source: this.volume('verdict'), target: '/verdict', mode: 'rw' },
      ],
    });
  }
}

/** Wrapper or grader as it lies in the images. */
export function flatPrograms(folder: string, which: 'wrapper' | 'grader'): string {
  const path = join(folder, which);
  mkdirSync(path, { recursive: true });
  for (const file of which === 'wrapper' ? AGENT_INIT_FILES : GRADER_FILES) {
    copyFileSync(join(PROGRAMS, file), join(path, basename(file)));
  }
  return path;
}
