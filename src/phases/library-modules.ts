/**
 * Top-level modules that a Python program of a verifier gets from its installation, or would get if they
 * were there: the public standard library of Python 3.13 (`sys.stdlib_module_names`), the runner root's
 * packages, the modules that Python and pytest load by name on their own; then the private modules of
 * Python 3.11 to 3.14 that are no part of the interpreter itself (`datetime.strptime` asks for `_strptime`);
 * then what library modules try to import and do without.
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

_aix_support _android_support _apple_support _asyncio _bisect _blake2 _bootsubprocess _bz2
_cffi_backend _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw
_collections_abc _colorize _compat_pickle _compression _contextvars _crypt _csv _ctypes _curses
_curses_panel _datetime _dbm _decimal _elementtree _gdbm _hashlib _heapq _hmac _interpchannels
_interpqueues _interpreters _ios_support _json _lsprof _lzma _markupbase _md5 _multibytecodec
_multiprocessing _opcode _opcode_metadata _osx_support _pickle _posixshmem _posixsubprocess _py_abc
_py_warnings _pydatetime _pydecimal _pyio _pylong _pyrepl _queue _random _remote_debugging _scproxy
_sha1 _sha2 _sha256 _sha3 _sha512 _sitebuiltins _socket _sqlite3 _ssl _statistics _strptime _struct
_threading_local _tkinter _uuid _weakrefset _winapi _wmi _yaml _zoneinfo _zstd annotationlib
compression

_manylinux apport_python_hook argcomplete bcrypt colorama exceptiongroup java org pexpect
pkg_resources py pygments tomli twisted typing_extensions vms_lib zope
`
    .trim()
    .split(/\s+/),
);
