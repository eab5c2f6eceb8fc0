"""Takes system calls away from everything that this process starts from now on.

fallocate reserves the whole disk of the host in a second, faster than anybody could watch; io_uring
offers it again and has a history of its own. The kernel's keys belong to no namespace: what a sandbox
put into the session keyring that it inherits, the next one would find there, beside what the user keeps
in it. Sockets of some families belong to no namespace either: by AF_VSOCK an agent in a virtual machine
would talk to its host. All are refused as on a system that lacks them, so programs fall back to plain
writes and files. Python >= 3.9, standard library only.
"""

import array
import errno
import os
import struct

from system_call import prctl

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
SECCOMP_MODE_FILTER = 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000

LOAD, EQUAL, ABOVE, NOT_BELOW, JUMP, MASK, RETURN = 0x20, 0x15, 0x25, 0x35, 0x05, 0x54, 0x06
NUMBER_AT, ARCH_AT, FIRST_ARGUMENT_AT, SECOND_ARGUMENT_AT = 0, 4, 16, 24

IO_URING_SETUP = 425
"""The same on every architecture."""
X32_BIT = 0x40000000
FS_IOCTLS = ord("X") << 8
"""The generic file system ioctls of type X: three of them are fallocate under another name."""

# Architecture of the audit system, numbers of fallocate, ioctl, add_key and socket; request_key and keyctl
# are the two after add_key.
ARCHITECTURES = (
    (0xC000003E, 285, 16, 248, 41),  # x86-64
    (0x40000003, 324, 54, 286, 359),  # i386
    (0xC00000B7, 47, 29, 217, 198),  # arm64
    (0x40000028, 352, 54, 309, 281),  # arm
)
I386, SOCKETCALL, SYS_SOCKET = 0x40000003, 102, 1
"""The older way to all calls of sockets, whose arguments a filter cannot see."""
FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK: each sandbox has its own."""


# Architecture and the calls by which a process of the same user changes another: with its number as the
# first argument prlimit64, sched_setparam, sched_setscheduler, sched_setaffinity and sched_setattr; as the
# second setpriority and ioprio_set, whose first says whether it is one process.
OTHERS = (
    (0xC000003E, (302, 142, 144, 203, 314), 141, 251),
    (0x40000003, (340, 154, 156, 241, 351), 97, 289),
    (0xC00000B7, (261, 118, 119, 122, 274), 140, 30),
    (0x40000028, (369, 154, 156, 241, 380), 97, 314),
)
PRIO_PROCESS, IOPRIO_WHO_PROCESS = 0, 1


def program():
    """The filter as (code, jump if true, jump if false, value) rows."""
    rows = [(LOAD, 0, 0, ARCH_AT)]
    for arch, fallocate, ioctl, add_key, socket in ARCHITECTURES:
        block = [
            (LOAD, 0, 0, NUMBER_AT),
            (MASK, 0, 0, 0xFFFFFFFF ^ X32_BIT),
            (EQUAL, 0, 1, fallocate),
            (RETURN, 0, 0, ERRNO | errno.EOPNOTSUPP),
            (EQUAL, 0, 1, IO_URING_SETUP),
            (RETURN, 0, 0, ERRNO | errno.ENOSYS),
            (NOT_BELOW, 0, 2, add_key),
            (ABOVE, 1, 0, add_key + 2),
            (RETURN, 0, 0, ERRNO | errno.ENOSYS),
            *family_rows(arch, socket),
            (EQUAL, 0, 4, ioctl),
            (LOAD, 0, 0, SECOND_ARGUMENT_AT),
            (MASK, 0, 0, 0xFF00),
            (EQUAL, 0, 1, FS_IOCTLS),
            (RETURN, 0, 0, ERRNO | errno.ENOTTY),
            (RETURN, 0, 0, ALLOW),
        ]
        rows += [(EQUAL, 0, len(block), arch), *block]
    return [*rows, (RETURN, 0, 0, ALLOW)]


def family_rows(arch, socket):
    allow = (RETURN, 0, 0, ALLOW)
    body = [(LOAD, 0, 0, FIRST_ARGUMENT_AT)]
    body += [(EQUAL, len(FAMILIES) - index, 0, family) for index, family in enumerate(FAMILIES)]
    body += [(RETURN, 0, 0, ERRNO | errno.EAFNOSUPPORT), allow]
    rows = [(EQUAL, 0, len(body), socket), *body]
    if arch == I386:
        body = [(LOAD, 0, 0, FIRST_ARGUMENT_AT), (EQUAL, 0, 1, SYS_SOCKET)]
        body += [(RETURN, 0, 0, ERRNO | errno.ENOSYS), allow]
        rows += [(EQUAL, 0, len(body), SOCKETCALL), *body]
    return rows


def spare_program(threads):
    """Rows of a filter that keeps what it filters from changing the limits and the schedule of `threads`.

    The kernel asks only for the same user there, whatever else it protects: with a limit of no CPU time
    an agent could kill what watches it, and as nobody's fault.
    """
    refuse = (RETURN, 0, 0, ERRNO | errno.EPERM)
    allow = (RETURN, 0, 0, ALLOW)
    spared = [row for thread in threads for row in ((EQUAL, 0, 1, thread), refuse)]
    rows = [(LOAD, 0, 0, ARCH_AT)]
    for arch, first, setpriority, ioprio_set in OTHERS:
        block = [(LOAD, 0, 0, NUMBER_AT), (MASK, 0, 0, 0xFFFFFFFF ^ X32_BIT)]
        body = [(LOAD, 0, 0, FIRST_ARGUMENT_AT), *spared, allow]
        block += [(EQUAL, len(first) - index, 0, number) for index, number in enumerate(first)]
        block += [(JUMP, 0, 0, len(body)), *body]
        for number, one in ((setpriority, PRIO_PROCESS), (ioprio_set, IOPRIO_WHO_PROCESS)):
            # Groups and users are refused: this process may belong to them.
            body = [(LOAD, 0, 0, FIRST_ARGUMENT_AT), (EQUAL, 1, 0, one), refuse]
            body += [(LOAD, 0, 0, SECOND_ARGUMENT_AT), *spared, allow]
            block += [(EQUAL, 0, len(body), number), *body]
        block.append(allow)
        rows += [(EQUAL, 1, 0, arch), (JUMP, 0, 0, len(block)), *block]
    return [*rows, allow]


def install():
    """For this thread, its later threads and its children; cannot be taken back."""
    load(program())


def spare_threads():
    """Keeps what this thread starts from now on off the threads that this process has now."""
    load(spare_program(sorted(map(int, os.listdir("/proc/self/task")))))


def load(rows):
    text = array.array("B", b"".join(struct.pack("=HBBI", *row) for row in rows))
    # struct sock_fprog: how many rows, and where they are.
    filtered = struct.pack("@HP", len(rows), text.buffer_info()[0])
    if prctl(PR_SET_NO_NEW_PRIVS, 1) != 0:
        raise OSError("prctl(PR_SET_NO_NEW_PRIVS) failed")
    if prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filtered) != 0:
        raise OSError("prctl(PR_SET_SECCOMP) failed")
