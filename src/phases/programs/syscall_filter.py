"""Takes system calls away from everything that this process starts from now on.

fallocate reserves the whole disk of the host in a second, faster than anybody could watch; io_uring
offers it again and has a history of its own. Both are refused as on a system that lacks them, so
programs fall back to plain writes. Python >= 3.9, standard library only.
"""

import array
import errno
import struct

from system_call import prctl

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
SECCOMP_MODE_FILTER = 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000

LOAD, EQUAL, MASK, RETURN = 0x20, 0x15, 0x54, 0x06
NUMBER_AT, ARCH_AT, SECOND_ARGUMENT_AT = 0, 4, 24

IO_URING_SETUP = 425
"""The same on every architecture."""
X32_BIT = 0x40000000
FS_IOCTLS = ord("X") << 8
"""The generic file system ioctls of type X: three of them are fallocate under another name."""

# Architecture of the audit system, numbers of fallocate and ioctl.
ARCHITECTURES = (
    (0xC000003E, 285, 16),  # x86-64
    (0x40000003, 324, 54),  # i386
    (0xC00000B7, 47, 29),  # arm64
    (0x40000028, 352, 54),  # arm
)


def program():
    """The filter as (code, jump if true, jump if false, value) rows."""
    rows = [(LOAD, 0, 0, ARCH_AT)]
    for arch, fallocate, ioctl in ARCHITECTURES:
        block = [
            (LOAD, 0, 0, NUMBER_AT),
            (MASK, 0, 0, 0xFFFFFFFF ^ X32_BIT),
            (EQUAL, 0, 1, fallocate),
            (RETURN, 0, 0, ERRNO | errno.EOPNOTSUPP),
            (EQUAL, 0, 1, IO_URING_SETUP),
            (RETURN, 0, 0, ERRNO | errno.ENOSYS),
            (EQUAL, 0, 4, ioctl),
            (LOAD, 0, 0, SECOND_ARGUMENT_AT),
            (MASK, 0, 0, 0xFF00),
            (EQUAL, 0, 1, FS_IOCTLS),
            (RETURN, 0, 0, ERRNO | errno.ENOTTY),
            (RETURN, 0, 0, ALLOW),
        ]
        rows += [(EQUAL, 0, len(block), arch), *block]
    return [*rows, (RETURN, 0, 0, ALLOW)]


def install():
    """For this thread, its later threads and its children; cannot be taken back."""
    rows = program()
    text = array.array("B", b"".join(struct.pack("=HBBI", *row) for row in rows))
    # struct sock_fprog: how many rows, and where they are.
    filtered = struct.pack("@HP", len(rows), text.buffer_info()[0])
    if prctl(PR_SET_NO_NEW_PRIVS, 1) != 0:
        raise OSError("prctl(PR_SET_NO_NEW_PRIVS) failed")
    if prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filtered) != 0:
        raise OSError("prctl(PR_SET_SECCOMP) failed")
