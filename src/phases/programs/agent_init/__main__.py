"""First process of an agent's sandbox, locally and in a pod (Python >= 3.9, standard library only).

Starts the agent's commands one after the other, carries its model calls from loopback to a Unix
socket, ends it at a deadline or near a limit, kills everything, and reports how it ended. What it
starts is hostile and runs as the same user: so this process is PID 1 (the kernel drops signals that
PID 1 does not handle), is not dumpable (no ptrace, no /proc/1/mem), and signs its report with a
nonce that came with its specification.

Locally the specification comes on standard input. In a pod it is a file, named by the only argument
and gone before anything else runs; there the outputs are kept here, the companion serves the model
link, and the container ends with the agent's own exit code.
"""

import json
import os
import signal
import sys
import time

from system_call import from_outside, ignore_reserved, prctl

MAX_SPEC_BYTES = 32 * 1024 * 1024
PR_SET_DUMPABLE = 4
AGENT_NICE = 5
BROKEN_BY_AGENT = 70
"""Exit code where this program failed after the agent had begun; any other failure is not its doing."""
OPEN_FILES = 4096
"""Of each process, as in the local engine's sandbox."""
KILLED = 137
"""Exit code of a pod's agent that ended by a signal, its own or ours."""
TOLD_TO_STOP = 143
"""Exit code of a pod's agent after SIGTERM: never 0, or an evicted pod could count as succeeded."""
STOP_SECONDS = 0.2
"""For each step of an end by SIGTERM: the whole must be over in a second."""


def main():
    deadline_from = time.monotonic()
    score_fd = open_score()
    harden()
    spec = read_spec(sys.argv[1:])
    if not spec["commands"]:
        # Trusted code has done this agent's work already.
        write_report(spec, {**ended(0, None, "Exited", ""), "seconds": 0})
        return 0
    close_other_files(keep=(0, 1, 2, score_fd))
    from syscall_filter import install as install_syscall_filter

    install_syscall_filter()
    limit_files(spec["limits"])
    run = Run(spec, deadline_from, score_fd)
    try:
        end = run.to_end()
        write_report(spec, end)
        run.write_outputs()
    except Exception:
        complain()
        return BROKEN_BY_AGENT if run.began else 1
    return exit_code(end) if spec.get("exitWithAgent") else 0


def complain():
    try:
        import traceback

        traceback.print_exc()
    except Exception:
        pass  # no descriptor left to say it with


def exit_code(end):
    if end["reason"] == "Cancelled":
        return TOLD_TO_STOP
    return KILLED if end["exitCode"] is None else end["exitCode"]


def read_spec(arguments):
    if arguments:
        return read_spec_file(arguments[0])
    text = sys.stdin.buffer.read(MAX_SPEC_BYTES + 1)
    if len(text) > MAX_SPEC_BYTES:
        sys.exit("the specification on standard input is longer than %d bytes" % MAX_SPEC_BYTES)
    return json.loads(text)


def read_spec_file(path):
    """The agent can read where this file lies, so it is gone before there is an agent."""
    if os.getpid() != 1:  # the end of a run kills every process in sight
        sys.exit("agent_init must be the first process of its own PID namespace")
    with open(path, "rb") as file:
        spec = json.loads(file.read())
    os.unlink(path)
    return spec


def harden():
    """No core, no ptrace; no signal that the agent sends has an effect."""
    if prctl(PR_SET_DUMPABLE, 0) != 0:
        raise OSError("prctl(PR_SET_DUMPABLE) failed")
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    # The kernel drops what PID 1 has no handler for, but not while the first thread blocks all signals, as
    # the C library does to start a program: then another thread may take one, and all would die of it.
    for number in DEAF:
        signal.signal(number, signal.SIG_IGN)
    for number in RESERVED:
        ignore_reserved(number)


def limit_files(limits):
    """Inherited by all that is started here. Without them a single write could fill a volume before
    anybody looks, and a crash could leave its memory in the workspace."""
    import resource

    for kind, bound in (
        (resource.RLIMIT_FSIZE, limits["workspaceBytes"]),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        if hard == resource.RLIM_INFINITY or hard > bound:
            resource.setrlimit(kind, (bound, bound))


WATCHED = {signal.SIGCHLD, signal.SIGTERM}
DEAF = signal.valid_signals() - WATCHED - {signal.SIGKILL, signal.SIGSTOP}
RESERVED = (32, 33)
"""Of the C library's threads; no thread here is ever cancelled, nor the user of all changed."""


def open_score():
    """Held open: a process that is not dumpable may not open its own files under /proc."""
    try:
        return os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return -1


def read_score(fd):
    """What the container's runtime gave this process; it may not go below that."""
    try:
        return os.pread(fd, 16, 0).strip() or b"0"
    except OSError:
        return b"0"


def close_other_files(keep):
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in keep:
            try:
                os.close(int(name))
            except OSError:
                pass


class Run:
    """One agent run, from the first command to the last process killed."""

    def __init__(self, spec, deadline_from, score_fd):
        from watch import Watch

        self.spec = spec
        self.score_fd = score_fd
        self.score = read_score(score_fd)
        self.deadline = deadline_from + spec["deadlineSeconds"]
        self.watch = Watch(spec)
        self.env = {str(k): str(v) for k, v in spec["env"].items()}
        self.began = False
        self.kept = {}

    def to_end(self):
        from syscall_filter import spare_threads

        os.makedirs(self.env.get("HOME", "/tmp"), mode=0o700, exist_ok=True)
        outputs = self.open_outputs()
        if self.spec.get("link"):
            from link import Link

            Link(self.spec["link"]).start()
        self.watch.start()
        # Of this thread and of what it starts: the threads above must get their turn among hundreds.
        # Where we run niced already, going back up is refused.
        os.setpriority(os.PRIO_PROCESS, 0, max(AGENT_NICE, os.getpriority(os.PRIO_PROCESS, 0)))
        spare_threads()
        started = time.monotonic()
        end = {"exitCode": None, "signal": None, "reason": "Exited", "detail": ""}
        try:
            for command in self.spec["commands"]:
                end = self.run_command(command, outputs)
                if end["reason"] != "Exited" or end["exitCode"] != 0:
                    break
        finally:
            seconds = time.monotonic() - started
            cancelled = end["reason"] == "Cancelled"
            # Told to stop, this process has a second; the kernel then kills what is left with it.
            kill_all(time.monotonic() + STOP_SECONDS if cancelled else None)
            for relay in outputs:
                relay.finish(STOP_SECONDS if cancelled else 10)
        return {**end, "seconds": seconds, **self.printed()}

    def open_outputs(self):
        from output import Kept, Relay

        places = self.spec.get("outputs")
        if places:
            self.kept = {name: Kept(places["keepBytes"]) for name in ("stdout", "stderr")}
        return [Relay(1, self.kept.get("stdout")), Relay(2, self.kept.get("stderr"))]

    def printed(self):
        if not self.kept:
            return {}
        return {"printed": {name: kept.total for name, kept in self.kept.items()}}

    def write_outputs(self):
        from output import write_new

        for name, kept in self.kept.items():
            try:
                write_new(self.spec["outputs"][name], kept.text())
            except OSError as error:
                # A full volume: the report stands, and what the agent printed is no result.
                print("%s is lost: %s" % (name, error.strerror), file=sys.stderr)

    def run_command(self, command, outputs):
        try:
            pid = self.start(command, outputs)
        except OSError as error:
            message = "cannot start %r: %s\n" % (command["argv"][0], error.strerror)
            os.write(2, message.encode("utf-8", "replace"))
            return ended(127, None, "Exited", message.strip())
        status, reason, detail = self.wait_for(pid)
        if status is None:
            return ended(None, "SIGKILL", reason, detail)
        if os.WIFSIGNALED(status):
            return ended(None, signal_name(os.WTERMSIG(status)), reason, detail)
        return ended(os.WEXITSTATUS(status), None, reason, detail)

    def start(self, command, outputs):
        import errno
        import shutil

        program = shutil.which(command["argv"][0], path=self.env.get("PATH", os.defpath))
        if program is None:
            raise FileNotFoundError(errno.ENOENT, "not found on PATH")
        os.chdir(self.spec["cwd"])
        stdin = open_input(command.get("stdin"))
        actions = [(os.POSIX_SPAWN_DUP2, stdin, 0)]
        actions += [(os.POSIX_SPAWN_DUP2, relay.writer, relay.target) for relay in outputs]
        # The kernel should take the agent before this process when memory runs out.
        self.set_score(b"1000")
        self.began = True
        try:
            return os.posix_spawn(
                program,
                command["argv"],
                self.env,
                file_actions=actions,
                setsid=True,
                setsigmask=[],
                setsigdef=DEAF,
            )
        finally:
            self.set_score(self.score)
            os.close(stdin)

    def set_score(self, value):
        try:
            os.pwrite(self.score_fd, value, 0)
        except OSError:
            pass

    def wait_for(self, pid):
        """Reaps until `pid` ends or must be ended. Returns (wait status or None, reason, detail)."""
        while True:
            status = reap(pid)
            # The watch kills first and is asked later.
            if self.watch.reason is not None:
                return None, self.watch.reason, self.watch.detail
            if status is not None:
                return status, "Exited", ""
            left = self.deadline - time.monotonic()
            if left <= 0:
                return None, "Deadline", "the agent's time was used up"
            info = signal.sigtimedwait(WATCHED, min(left, 0.1))
            # The agent's own signals do not count.
            if info is not None and info.si_signo == signal.SIGTERM and from_outside(info):
                return None, "Cancelled", "the sandbox was told to stop"


def ended(code, signal_text, reason, detail):
    return {"exitCode": code, "signal": signal_text, "reason": reason, "detail": detail}


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return "SIG%d" % number


def open_input(text):
    """Standard input as a nameless file: never blocks, whatever its length."""
    if text is None:
        return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    fd = os.memfd_create("stdin", os.MFD_CLOEXEC)
    data = memoryview(text.encode("utf-8"))
    while data:
        data = data[os.write(fd, data) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def reap(wanted):
    """Collects every dead child; returns the wait status of `wanted` if it was among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == wanted:
            found = status


def kill_all(until=None):
    """Kills every other process of the namespace and reaps until none is left, or it is too late."""
    if until is not None:
        return kill_until(until)
    while True:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            while os.waitpid(-1, 0)[0] != 0:
                os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            continue
        except ChildProcessError:
            return


def kill_until(until):
    while time.monotonic() < until:
        try:
            os.kill(-1, signal.SIGKILL)
            reap(None)
        except ProcessLookupError:
            return
        time.sleep(0.005)


def write_report(spec, end):
    """Everything else is dead by now, and nobody could have made a file of this name before: it
    holds the nonce. The agent can have closed the folder."""
    path = spec["reportPath"]
    try:
        os.chmod(os.path.dirname(path), 0o700)
    except PermissionError:
        pass  # a pod's volume is root's: nobody here can close it
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(fd, "w") as file:
        json.dump({**end, "nonce": spec["nonce"]}, file)


if __name__ == "__main__":
    sys.exit(main())
