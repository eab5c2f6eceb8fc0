import { readdirSync, readFileSync } from 'node:fs';

/**
 * Command lines of all running processes that name a text in their arguments or environment, for
 * example the folder of a cluster. The calling process is left out.
 */
export function processesNaming(text: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const line = readProc(pid, 'cmdline');
      const named = line.includes(text) || readProc(pid, 'environ').includes(text);
      return named ? [`${pid} ${line}`] : [];
    });
}

function readProc(pid: string, file: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
