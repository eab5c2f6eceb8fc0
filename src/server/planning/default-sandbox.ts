/** Sandbox room for tasks that name none; OpenClaw with its tools fits (reference: 1.2 GB a slot). */
export const DEFAULT_SANDBOX = {
  cpuMillis: 2000,
  memoryMiB: 2048,
  diskMiB: 64,
  pids: 512,
} as const;
