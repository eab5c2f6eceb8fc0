"""First process of the grade sandbox: runs one code verifier and writes its verdict.

It must be process 1 of its PID namespace, started by `import grade_init; grade_init.main()` under -I,
its folder first on sys.path, with the spec as JSON on standard input; in a pod, where that is empty, in
a file of the verdict folder, which is gone before any foreign code runs. Python verifiers run inside this
interpreter, which is non-dumpable, so that programs that a verifier starts can neither trace it nor
reach its files; what they print goes to other descriptors than the verifier's result. The verdict is
written last, when every other process is dead. Python >= 3.9, standard library only.
"""

# Without signal, threading and ctypes: their imports cost more than most verifiers take.
import _signal
import _thread
import gc

gc.disable()  # what the imports make stays: looking through it for garbage is a tenth of the start

import json  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

# The starter puts this folder first on sys.path; verifiers must not find it there.
from grade_dialects import DIALECTS, HARBOR_LOGS, Observed, Output, end_others  # noqa: E402
from grade_guard import Guard  # noqa: E402
from grade_score import MAX_MESSAGE, Crash, Invalid, failed  # noqa: E402
from syscall_filter import install as install_syscall_filter, spare_threads  # noqa: E402
from system_call import from_outside, prctl  # noqa: E402

del sys.path[0]

PR_SET_DUMPABLE, PR_GET_DUMPABLE = 4, 3
SCRATCH = "/tmp/clawgym-grade"
VERDICT_DIR = "/verdict"
SPEC_FILE = VERDICT_DIR + "/spec.json"
TOLD_TO_STOP = 143
OPEN_FILES = 4096
GROWTH_ENTRIES = 20000


def main():
    if os.getpid() != 1:  # the end of a run kills every process in sight
        sys.exit("grade_init.py must be the first process of its own PID namespace")
    text = sys.stdin.buffer.read()
    in_pod = not text
    spec = json.loads(text or read_spec_file())
    add_site_builtins()
    protect()
    limit_files(spec["growthMiB"] << 20)
    if in_pod:
        end_when_told()
        limit_time(spec.get("cpuSeconds"))
    install_syscall_filter()
    os.closerange(3, 4096)  # what the starter left open is none of the verifier's business
    os.chdir("/")
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)
    gc.freeze()
    gc.enable()
    Run(spec).execute()


def read_spec_file():
    with open(SPEC_FILE, "rb") as file:
        text = file.read()
    os.unlink(SPEC_FILE)
    return text


def end_when_told():
    """A deleted pod need not wait for its grace period: SIGTERM from outside of this PID namespace ends
    everything. Process 1 only hears what it blocks or handles, and a handler would also hear the
    programs that it grades; what it starts must not inherit the blocked signal."""
    import _posixsubprocess

    told = (_signal.SIGTERM,)
    _signal.pthread_sigmask(_signal.SIG_BLOCK, told)

    def listen():
        while not from_outside(_signal.sigwaitinfo(told)):
            pass
        os._exit(TOLD_TO_STOP)

    def wrap(function):
        def call(*args, **kwargs):
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, told)
            try:
                return function(*args, **kwargs)
            finally:
                _signal.pthread_sigmask(_signal.SIG_BLOCK, told)

        return call

    _posixsubprocess.fork_exec = wrap(_posixsubprocess.fork_exec)
    os.posix_spawn = wrap(os.posix_spawn)
    os.posix_spawnp = wrap(os.posix_spawnp)
    os.system = wrap(os.system)
    os.register_at_fork(
        after_in_child=lambda: _signal.pthread_sigmask(_signal.SIG_UNBLOCK, told)
    )
    _thread.start_new_thread(listen, ())


def add_site_builtins():
    """The grader starts without `site`; verifiers may still end by `exit()`."""
    import _sitebuiltins
    import builtins

    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))


def protect():
    """Nobody of the same uid may trace this process or open its memory and descriptors."""
    if prctl(PR_SET_DUMPABLE, 0) != 0 or prctl(PR_GET_DUMPABLE) != 0:
        sys.exit("grade_init.py could not make itself non-dumpable")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Process 1 is deaf to signals of its own namespace unless it has a handler for them.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


def limit_files(largest):
    """Of this process and all that it starts, as the local engine's sandbox has them too."""
    lower(resource.RLIMIT_FSIZE, largest)
    lower(resource.RLIMIT_NOFILE, OPEN_FILES)


def lower(kind, bound):
    hard = resource.getrlimit(kind)[1]
    if hard == resource.RLIM_INFINITY or hard > bound:
        resource.setrlimit(kind, (bound, bound))


def limit_time(seconds):
    """The last of the clocks, for a pod that nobody watches from outside: one step of the interpreter may
    take for ever and let neither signals nor threads in. The kernel kills for this limit also process 1.
    It holds for each process; what the verifier starts may need no more either. A server of the release
    before, after a rollback, names no limit."""
    if seconds is not None:
        lower(resource.RLIMIT_CPU, seconds)


def limit_children(mebibytes):
    """Gives every child RLIMIT_AS, and this process none, whichever way the child is started: the
    soft limit stands while the child is made, then the child's hard limit follows."""
    import _posixsubprocess

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = mebibytes << 20
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)

    def wrap(function, gives_pid=True):
        def call(*args, **kwargs):
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
            try:
                result = function(*args, **kwargs)
            finally:
                resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
            if gives_pid:
                harden(result)
            return result

        return call

    def harden(pid):
        try:
            resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
        except OSError:
            pass  # gone already

    _posixsubprocess.fork_exec = wrap(_posixsubprocess.fork_exec)
    os.posix_spawn = wrap(os.posix_spawn)
    os.posix_spawnp = wrap(os.posix_spawnp)
    os.system = wrap(os.system, gives_pid=False)
    os.register_at_fork(
        after_in_child=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    )


class Run:
    def __init__(self, spec):
        self.spec = spec
        self.started = self.deadline = 0.0
        self.main_thread = _thread.get_ident()
        self.output = Output(spec["outputCapBytes"])
        self.observed = Observed(spec["workspace"])
        self.finishing = _thread.allocate_lock()

    def execute(self):
        spec = self.spec
        os.makedirs(SCRATCH + "/cwd")
        payload = SCRATCH + "/payload.json"
        with open(payload, "w", encoding="utf-8") as file:
            json.dump(spec["payload"], file)
        os.environ.update(spec["env"], OPENCLAW_REWARD_PAYLOAD=payload)
        if spec.get("childMemoryMiB"):
            limit_children(spec["childMemoryMiB"])
        os.chdir(spec.get("cwd") or SCRATCH + "/cwd")
        self.started = time.monotonic()
        self.deadline = self.started + spec["timeoutSeconds"]
        self.arm()
        self.guard()
        spare_threads()
        try:
            outcome = DIALECTS[spec["dialect"]](self)
        except Invalid as problem:
            outcome = failed("invalid", str(problem))
        except Crash as problem:
            outcome = failed("crash", str(problem))
        except BaseException as problem:  # whatever foreign code raises
            outcome = failed("crash", describe(problem, spec["entry"]))
        self.finish(outcome)

    def arm(self):
        """Two clocks: the signal reaches Python code and regular expressions, the thread still
        works where the verifier uses alarms of its own. The sandbox's deadline is the third."""

        def on_alarm(_signal, _frame):
            # Anybody in the sandbox may send the signal, and it may come while this run ends.
            if time.monotonic() >= self.deadline and not self.finishing.locked():
                self.finish(self.timed_out())

        def on_timer():
            time.sleep(self.spec["timeoutSeconds"] + 0.1)
            self.finish(self.timed_out())

        _signal.signal(_signal.SIGALRM, on_alarm)
        _signal.setitimer(_signal.ITIMER_REAL, self.spec["timeoutSeconds"] + 0.01)
        _thread.start_new_thread(on_timer, ())

    def guard(self):
        folders = [self.spec["workspace"], VERDICT_DIR, HARBOR_LOGS]
        mebibytes = self.spec["growthMiB"]

        def on_full():
            message = f"the run wrote more than {mebibytes} MiB or {GROWTH_ENTRIES} files"
            self.finish(failed("crash", message))

        Guard(folders, mebibytes << 20, GROWTH_ENTRIES, on_full).start()

    def timed_out(self):
        return failed("timeout", f"no result after {self.spec['timeoutSeconds']} seconds")

    def finish(self, outcome):
        if os.getpid() != 1:
            os._exit(0)
        if not self.finishing.acquire(blocking=False):
            if _thread.get_ident() == self.main_thread:
                time.sleep(60)  # the timer's thread is ending this process
            return
        outcome.update(
            nonce=self.spec["nonce"],
            python=sys.version.split()[0],
            seconds=time.monotonic() - self.started,
            observed={"inProcess": self.observed.in_process, "children": self.observed.children},
        )
        end_others()
        write_verdict(json.dumps(outcome, allow_nan=False))
        os._exit(0)


def describe(problem, entry):
    """`KeyError: 'total' (check.py line 12)`: the innermost frame of the verifier's own file."""
    import traceback

    try:
        text = "".join(traceback.format_exception_only(type(problem), problem)).strip()
    except Exception:  # a foreign __str__
        text = type(problem).__name__
    lines, trace = [], problem.__traceback__
    while trace is not None and len(lines) < 100000:
        if trace.tb_frame.f_code.co_filename == entry:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    place = f" ({os.path.basename(entry)} line {lines[-1]})" if lines else ""
    return text[: MAX_MESSAGE - 60] + place


def write_verdict(text):
    """Whatever lies there was made by others: it is removed, and the file appears at once."""
    try:
        os.chmod(VERDICT_DIR, 0o700)
    except PermissionError:
        pass  # a pod's volume is root's: nobody here can close it
    partial, final = VERDICT_DIR + "/verdict.json.partial", VERDICT_DIR + "/verdict.json"
    for path in (partial, final):
        if os.path.isdir(path) and not os.path.islink(path):
            import shutil

            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
    os.rename(partial, final)
