"""System calls without the module ctypes, whose import costs as much as half an interpreter's start.

Python >= 3.9, standard library only.
"""

import _ctypes
import os

RT_SIGACTION = {"x86_64": 13, "aarch64": 134}
IGNORE = b"\1".ljust(32, b"\0")
"""The kernel's struct sigaction: handler SIG_IGN, no flags, no restorer, no mask."""
SI_USER = 0


def prctl(option, first=0, second=0):
    """Result of prctl(option, first, second, 0, 0); `second` may be bytes, which go as their address."""
    return _load("prctl")(option, first, second, 0, 0)


def ignore_reserved(number):
    """Ignores a signal that the C library keeps for itself, which `signal` refuses. Nothing where the
    system call's number is not known."""
    call = RT_SIGACTION.get(os.uname().machine)
    if call is not None and _load("syscall")(call, number, IGNORE, None, 8) != 0:
        raise OSError("rt_sigaction(%d) failed" % number)


def from_outside(info):
    """True for a signal that kill(2) sent from outside of this PID namespace. There the sender shows as 0,
    which a sender inside could also claim of itself (rt_sigqueueinfo); but the kernel lets nobody claim
    the code of kill(2) for a signal to another process."""
    return info.si_pid == 0 and info.si_code == SI_USER


def _load(name):
    try:
        address = _ctypes.dlsym(_ctypes.dlopen(None, 0), name)
        call = _ctypes.call_function
    except AttributeError:  # names of one implementation, not of the language
        import ctypes

        return getattr(ctypes.CDLL(None), name)
    return lambda *arguments: call(address, arguments)
