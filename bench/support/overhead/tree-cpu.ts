import { readdirSync, readFileSync } from 'node:fs';

/** Of the kernel's interface, whatever its own clock does. */
const TICKS_A_SECOND = 100;

/**
 * CPU seconds of these processes and of all that came of them, those that have ended included: they
 * count to whoever waited for them. Pods are part of it, below their node's first process.
 */
export function treeSeconds(roots: readonly number[]): number {
  const children = new Map<number, number[]>();
  const used = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? statOf(pid) : undefined;
    if (stat === undefined) continue;
    used.set(pid, stat.ticks);
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), pid]);
  }
  const seen = new Set<number>();
  const open = [...roots];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    if (seen.has(pid)) continue;
    seen.add(pid);
    open.push(...(children.get(pid) ?? []));
  }
  return [...seen].reduce((sum, pid) => sum + (used.get(pid) ?? 0), 0) / TICKS_A_SECOND;
}

function statOf(pid: number): { readonly parent: number; readonly ticks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold anything; state and parent come after it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { parent: Number(fields[1]), ticks };
  } catch {
    return undefined;
  }
}
