/**
 * Top-level modules that a Python program of a verifier gets from its installation: the public standard
 * library of Python 3.13 (`sys.stdlib_module_names`), the runner root's packages, and the modules that
 * Python and pytest load by name on their own.
 */
export const LIBRARY_MODULES: ReadonlySet<string> = new Set(
  `
__future__ _pytest abc antigravity argparse array ast asyncio atexit base64 bdb binascii bisect
builtins bz2 cProfile calendar cmath cmd code codecs codeop collections colorsys compileall
concurrent configparser conftest contextlib contextvars copy copyreg cryptography csv ctypes
curses dataclasses datetime dbm decimal difflib dis doctest email encodings ensurepip enum errno
faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt
getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib importlib
iniconfig inspect io ipaddress itertools json keyword linecache locale logging lzma mailbox
marshal math mimetypes mmap modulefinder msvcrt multiprocessing netrc nt ntpath nturl2path
numbers opcode operator optparse os packaging pathlib pdb pickle pickletools pkgutil platform
plistlib pluggy poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc
pydoc_data pyexpat pytest queue quopri random re readline reprlib resource rlcompleter runpy
sched secrets select selectors shelve shlex shutil signal site sitecustomize smtplib socket
socketserver sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep
struct subprocess symtable sys sysconfig syslog tabnanny tarfile tempfile termios textwrap this
threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle
turtledemo types typing unicodedata unittest urllib usercustomize uuid venv warnings wave
weakref webbrowser winreg winsound wsgiref xml xmlrpc yaml zipapp zipfile zipimport zlib
zoneinfo
`
    .trim()
    .split(/\s+/),
);
