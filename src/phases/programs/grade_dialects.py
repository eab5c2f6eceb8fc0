"""The four kinds of code verifier: how each is run and where its result comes from."""

import _thread
import atexit
import io
import marshal
import os
import sys
import time
from _frozen_importlib_external import MAGIC_NUMBER
from _signal import SIGKILL

from grade_score import Crash, Invalid, load, number, parse_printed, scored
from grade_transcript import normalise

HARBOR_LOGS = "/logs/verifier"
COMPILED_FILE = "/verdict/verifier.code"
MAX_REWARD_FILE = 1 << 20


class Output(io.RawIOBase):
    """A private file for what the verifier prints; bytes beyond the cap are counted, not kept."""

    def __init__(self, cap):
        super().__init__()
        self.descriptor = os.memfd_create("verifier-stdout", os.MFD_CLOEXEC)
        self.cap, self.total = cap, 0

    def writable(self):
        return True

    def fileno(self):
        return self.descriptor

    def write(self, data):
        size = memoryview(data).nbytes
        room = self.cap - self.total
        if room > 0:
            os.write(self.descriptor, bytes(data)[:room])
        self.total += size
        return size

    def text(self):
        if max(self.total, os.fstat(self.descriptor).st_size) > self.cap:
            raise Invalid(f"the verifier printed more than {self.cap} bytes")
        return os.pread(self.descriptor, self.cap, 0).decode("utf-8", "surrogateescape")


class Observed:
    """What the audit hook saw: code of the workspace run in this process, and programs started."""

    def __init__(self, workspace):
        self.root = workspace.rstrip("/") + "/"
        self.in_process, self.children = [], []

    def hook(self, event, args):
        try:
            self.look(event, args)
        except Exception:  # an exception of a hook would end the audited call
            pass

    def look(self, event, args):
        if event == "exec":
            name = getattr(args[0], "co_filename", "")
            if isinstance(name, str) and os.path.join(os.getcwd(), name).startswith(self.root):
                self.note(self.in_process, name)
        elif event == "subprocess.Popen":
            self.note(self.children, " ".join(map(os.fsdecode, listed(args[1]))))
        elif event in ("os.system", "os.exec", "os.posix_spawn", "os.spawn"):
            self.note(self.children, f"{event} {args[0]!r}")

    @staticmethod
    def note(notes, text):
        text = text[:200].encode("utf-8", "replace").decode()
        if len(notes) < 8 and text not in notes:
            notes.append(text)


def listed(argv):
    return [argv] if isinstance(argv, (str, bytes, os.PathLike)) else list(argv)


def end_others():
    """Kills every other process of the namespace and waits until none is left."""
    deadline = time.monotonic() + 10
    while True:
        try:
            os.kill(-1, SIGKILL)
        except ProcessLookupError:
            return
        try:
            while os.waitpid(-1, os.WNOHANG)[0] != 0:
                pass
        except ChildProcessError:
            pass
        if time.monotonic() > deadline:
            os._exit(71)  # no verdict while anything else is alive
        time.sleep(0.001)


class Pump:
    """Drains a pipe; keeps the end of what came, at most `keep` bytes, and counts all."""

    def __init__(self, pipe, keep, forward=None):
        self.pipe, self.keep, self.forward = pipe, keep, forward
        self.kept, self.total = b"", 0
        self.running = _thread.allocate_lock()
        self.running.acquire()
        _thread.start_new_thread(self.run, ())

    def run(self):
        try:
            while True:
                data = os.read(self.pipe.fileno(), 65536)
                if not data:
                    return
                self.total += len(data)
                self.kept = (self.kept + data)[-self.keep:]
                if self.forward is not None:
                    os.write(self.forward, data)
        finally:
            self.running.release()

    def end(self):
        self.running.acquire(timeout=10)
        return self.kept


def take_compiled():
    """The entry's compiled form, or None where another interpreter made it. The file is gone before
    foreign code runs."""
    with open(COMPILED_FILE, "rb") as file:
        data = file.read()
    os.unlink(COMPILED_FILE)
    mark = len(MAGIC_NUMBER)
    return marshal.loads(data[mark:]) if data[:mark] == MAGIC_NUMBER else None


def run_path(path, name, code):
    """Runs a program file as the module `name`, as runpy does, without loading the import machinery
    that runpy needs for other kinds of code; the module's globals."""
    if code is None:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
    module = type(sys)(name)
    module.__file__ = path
    module.__builtins__ = __builtins__
    sys.modules[name] = module
    exec(code, module.__dict__)
    return module.__dict__


def run_python(run, run_name):
    """Runs the entry in this interpreter with a private stdout; its globals."""
    code = take_compiled() if run.spec.get("compiled") else None
    stdout = io.TextIOWrapper(
        io.BufferedWriter(run.output), encoding="utf-8", errors="surrogateescape"
    )
    sys.stdout = sys.__stdout__ = stdout
    sys.argv = [run.spec["entry"], run.spec["workspace"]]
    sys.path.insert(0, os.path.dirname(run.spec["entry"]))
    sys.dont_write_bytecode = True
    sys.addaudithook(run.observed.hook)
    try:
        return run_path(run.spec["entry"], run_name, code)
    except SystemExit as end:
        if end.code not in (None, 0):
            raise Crash(f"the verifier exited with {end.code!r}") from None
        return {}
    finally:
        if os.getpid() != 1:  # a fork of the verifier must never act as this process
            os._exit(0)


def settle():
    """What an ordinary interpreter does at its end, so that late prints count."""
    threading = sys.modules.get("threading")  # absent: the verifier has no thread
    for thread in threading.enumerate() if threading else ():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    try:
        sys.__stdout__.flush()
    except ValueError:
        pass  # closed by the verifier: what it had printed is in the file


def run_bash(run, capture):
    """Runs a script to its end: (exit code, what it printed where captured, last words)."""
    import subprocess  # late: limit_children must come first

    process = subprocess.Popen(
        ["bash", run.spec["entry"]], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
        stdout=subprocess.PIPE if capture else None,
    )
    last_words = Pump(process.stderr, 4096, forward=2)
    printed = Pump(process.stdout, 65536) if capture else None
    code = process.wait()
    end_others()  # now the pipes end, also where something was left behind
    words = last_words.end().decode("utf-8", "replace").strip()
    return code, printed, words.splitlines()[-1] if words else ""


def run_check_json(run):
    run_python(run, "__main__")
    settle()
    return scored(parse_printed(run.output.text()))


def run_reward_sh(run):
    code, printed, words = run_bash(run, capture=True)
    if code != 0:
        raise Crash(f"the script exited with {code}" + (f": {words}" if words else ""))
    lines = [line for line in printed.end().decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        raise Invalid("the script printed nothing")
    return scored({"reward": number(lines[-1].strip(), "the last line")})


def run_pinchbench(run):
    grade = run_python(run, "clawgym_grader").get("grade")
    if not callable(grade):
        raise Crash("the file defines no function `grade`")
    result = grade(normalise(run.spec["payload"].get("transcript") or []), run.spec["workspace"])
    if not isinstance(result, dict):
        raise Crash(f"grade() returned a {type(result).__name__}, expected a dict")
    kept = {str(k): number(v, k) for k, v in result.items() if isinstance(v, (bool, int, float))}
    return scored({name: min(1.0, max(0.0, value)) for name, value in kept.items()}, author=False)


def run_harbor(run):
    started = time.time()
    code, _, words = run_bash(run, capture=False)
    if code < 0 or (code != 0 and run.spec.get("requireExitZero")):
        raise Crash(f"the script exited with {code}" + (f": {words}" if words else ""))
    table = reward_file("reward.json", started)
    if table is not None:
        data = load(table)
        if not isinstance(data, dict):
            raise Invalid("reward.json does not hold an object")
        return scored(data)
    text = reward_file("reward.txt", started)
    if text is None or not text.strip():
        raise Crash(f"the script wrote no reward file and exited with {code}: {words}")
    return scored({"reward": number(text.strip(), "reward.txt")})


DIALECTS = {
    "check-json": run_check_json,
    "reward-sh": run_reward_sh,
    "pinchbench": run_pinchbench,
    "harbor": run_harbor,
}


def reward_file(name, started):
    """Content of a regular file of this run under the log folder, or None."""
    try:
        handle = os.open(f"{HARBOR_LOGS}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        facts = os.fstat(handle)
        if (facts.st_mode & 0o170000) != 0o100000 or facts.st_mtime < started - 1:
            return None
        if facts.st_size > MAX_REWARD_FILE:
            raise Invalid(f"{name} is larger than {MAX_REWARD_FILE} bytes")
        return file.read().decode("utf-8", "replace")
