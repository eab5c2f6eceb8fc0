"""prctl without the module ctypes, whose import costs as much as half an interpreter's start.

Python >= 3.9, standard library only.
"""

import _ctypes


def prctl(option, first=0, second=0):
    """Result of prctl(option, first, second, 0, 0); `second` may be bytes, which go as their address."""
    return _PRCTL(option, first, second, 0, 0)


def _load():
    try:
        address = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")
        call = _ctypes.call_function
    except AttributeError:  # names of one implementation, not of the language
        import ctypes

        return ctypes.CDLL(None).prctl
    return lambda *arguments: call(address, arguments)


_PRCTL = _load()
