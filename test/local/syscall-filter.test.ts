import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { z } from 'zod';

const PROGRAMS = fileURLToPath(new URL('../../src/phases/programs', import.meta.url));

/** Runs the filters as the kernel does, also for architectures that this host is not. */
const KERNEL = `
import json, sys
sys.path.insert(0, sys.argv[1])
import syscall_filter as filters

def run(rows, arch, number, first=0, second=0):
    data = {0: number, 4: arch, 16: first & 0xFFFFFFFF, 24: second & 0xFFFFFFFF}
    at = value = 0
    while True:
        code, yes, no, k = rows[at]
        at += 1
        if code == 0x20: value = data[k]
        elif code == 0x54: value &= k
        elif code == 0x05: at += k
        elif code == 0x06: return k
        else: at += yes if {0x15: value == k, 0x25: value > k, 0x35: value >= k}[code] else no

def refused(rows, arch, *arguments):
    return sorted(n for n in range(500) if run(rows, arch, n, *arguments) != filters.ALLOW)

spare = filters.spare_program([1, 2, 9])
found = {}
for arch, *_ in filters.ARCHITECTURES:
    found["%x" % arch] = {
        "always": refused(filters.program(), arch, 2),
        "vsock": refused(filters.program(), arch, 40),
        "one": refused(filters.program(), arch, 1),
        "watched": refused(spare, arch, 9),
        "own": refused(spare, arch, 0, 0),
        "process": refused(spare, arch, 1, 2),
        "other": refused(spare, arch, 7, 7),
    }
print(json.dumps(found))
`;

const zNumbers = z.array(z.number());
const zFound = z.record(z.string(), z.record(z.string(), zNumbers));

/** System calls by number: fallocate, io_uring, keys; limits and schedule; setpriority; ioprio_set; socket. */
const CALLS = {
  c000003e: [[248, 249, 250, 285, 425], [142, 144, 203, 302, 314], 141, 251, 41],
  '40000003': [[286, 287, 288, 324, 425], [154, 156, 241, 340, 351], 97, 289, 359],
  c00000b7: [[47, 217, 218, 219, 425], [118, 119, 122, 261, 274], 140, 30, 198],
  '40000028': [[309, 310, 311, 352, 425], [154, 156, 241, 369, 380], 97, 314, 281],
} as const;

it.each(Object.entries(CALLS))('refuses on %s what it names and nothing else', (arch, calls) => {
  const [always, first, setpriority, ioprioSet, socket] = calls;
  const out = execFileSync('/usr/bin/python3', ['-I', '-B', '-c', KERNEL, PROGRAMS]);
  const found = zFound.parse(JSON.parse(out.toString('utf8')))[arch];
  const sorted = (...numbers: number[]): number[] => numbers.toSorted((a, b) => a - b);
  expect(found).toEqual({
    // 2 is an address family of which each sandbox has its own, 40 one that is everybody's; 1 is such a
    // family too, but also the socket of the older call of i386, whose family nobody can see.
    always: [...always],
    vsock: sorted(...always, socket),
    one: arch === '40000003' ? sorted(...always, 102) : [...always],
    // 9 is a thread that is spared; as the first argument of the last two it is no kind of target.
    watched: sorted(...first, setpriority, ioprioSet),
    // 0 is the caller itself, and one process for setpriority alone.
    own: [ioprioSet],
    // 1 is spared, a group for setpriority and a process for ioprio_set, whose target 2 is spared.
    process: sorted(...first, setpriority, ioprioSet),
    other: sorted(setpriority, ioprioSet),
  });
});
