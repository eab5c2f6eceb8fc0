"""First process of an agent's sandbox, locally and in a pod (Python >= 3.9, standard library only).

Starts the agent's commands one after the other, carries its model calls from loopback to a Unix
socket, ends it at a deadline or near a limit, kills everything, and reports how it ended. What it
starts is hostile and runs as the same user: so this process is PID 1 (the kernel drops signals that
PID 1 does not handle), is not dumpable (no ptrace, no /proc/1/mem), and signs its report with a
nonce that came on its standard input.
"""

import errno
import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback

from link import Link
from syscall_filter import install as install_syscall_filter
from system_call import prctl
from watch import Watch

MAX_SPEC_BYTES = 32 * 1024 * 1024
PR_SET_DUMPABLE = 4
CHUNK = 65536
AGENT_NICE = 5
BROKEN_BY_AGENT = 70
"""Exit code where this program failed after the agent had begun; any other failure is not its doing."""


def main():
    deadline_from = time.monotonic()
    score_fd = open_score()
    harden()
    spec = read_spec()
    close_other_files(keep=(0, 1, 2, score_fd))
    install_syscall_filter()
    run = Run(spec, deadline_from, score_fd)
    try:
        write_report(spec, run.to_end())
    except Exception:
        traceback.print_exc()
        return BROKEN_BY_AGENT if run.began else 1
    return 0


def read_spec():
    text = sys.stdin.buffer.read(MAX_SPEC_BYTES + 1)
    if len(text) > MAX_SPEC_BYTES:
        sys.exit("the specification on standard input is longer than %d bytes" % MAX_SPEC_BYTES)
    return json.loads(text)


def harden():
    """No core, no ptrace; no signal that the agent sends has an effect."""
    if prctl(PR_SET_DUMPABLE, 0) != 0:
        raise OSError("prctl(PR_SET_DUMPABLE) failed")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)


WATCHED = {signal.SIGCHLD, signal.SIGTERM}


def open_score():
    """Held open: a process that is not dumpable may not open its own files under /proc."""
    try:
        return os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return -1


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
        self.spec = spec
        self.score_fd = score_fd
        self.deadline = deadline_from + spec["deadlineSeconds"]
        self.watch = Watch(spec)
        self.env = {str(k): str(v) for k, v in spec["env"].items()}
        self.began = False

    def to_end(self):
        os.makedirs(self.env.get("HOME", "/tmp"), mode=0o700, exist_ok=True)
        outputs = [Relay(1), Relay(2)]
        if self.spec.get("link"):
            Link(self.spec["link"]).start()
        self.watch.start()
        # Of this thread and of what it starts: the threads above must get their turn among hundreds.
        os.setpriority(os.PRIO_PROCESS, 0, AGENT_NICE)
        started = time.monotonic()
        end = {"exitCode": None, "signal": None, "reason": "Exited", "detail": ""}
        try:
            for command in self.spec["commands"]:
                end = self.run_command(command, outputs)
                if end["reason"] != "Exited" or end["exitCode"] != 0:
                    break
        finally:
            seconds = time.monotonic() - started
            kill_all()
            for relay in outputs:
                relay.finish()
        return {**end, "seconds": seconds}

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
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
            )
        finally:
            self.set_score(b"0")
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
            # A sender outside of this PID namespace shows as 0; the agent's own signals do not count.
            if info is not None and info.si_signo == signal.SIGTERM and info.si_pid == 0:
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


def kill_all():
    """Kills every other process of the namespace and reaps until none is left."""
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


class Relay(threading.Thread):
    """Carries the agent's output to our own: a real pipe, drained whatever its volume."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.target = target
        self.reader, self.writer = os.pipe()
        self.start()

    def run(self):
        try:
            while True:
                data = memoryview(os.read(self.reader, CHUNK))
                if not data:
                    return
                while data:
                    data = data[os.write(self.target, data) :]
        except OSError:
            # Nobody listens any more: the agent gets EPIPE, as from any closed pipe.
            os.close(self.reader)

    def finish(self):
        os.close(self.writer)
        self.join(timeout=10)


def write_report(spec, end):
    """Everything else is dead by now, and nobody could have made a file of this name before: it
    holds the nonce. The agent can have closed the folder."""
    path = spec["reportPath"]
    os.chmod(os.path.dirname(path), 0o700)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(fd, "w") as file:
        json.dump({**end, "nonce": spec["nonce"]}, file)


if __name__ == "__main__":
    sys.exit(main())
