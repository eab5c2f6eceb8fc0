"""First process of an agent's sandbox, locally and in a pod (Python >= 3.9, standard library only).

Starts the agent's commands one after the other, carries its model calls from loopback to a Unix
socket, ends it at a deadline or near a limit, kills everything, and reports how it ended. What it
starts is hostile and runs as the same user: so this process is PID 1 (the kernel drops signals that
PID 1 does not handle), is not dumpable (no ptrace, no /proc/1/mem), and signs its report with a
nonce that came on its standard input.
"""

import ctypes
import errno
import json
import os
import selectors
import shutil
import signal
import socket
import stat
import sys
import threading
import time

MAX_SPEC_BYTES = 32 * 1024 * 1024
PR_SET_DUMPABLE = 4
NEAR = 0.9
"""A limit counts as reached at this share of it, so that the agent ends by us and not by the kernel."""
MEMORY_EVERY = 0.25
FILES_EVERY = 1.0
CHUNK = 65536


def main():
    deadline_from = time.monotonic()
    score_fd = open_score()
    harden()
    spec = read_spec()
    close_other_files(keep=(0, 1, 2, score_fd))
    end = Run(spec, deadline_from, score_fd).to_end()
    write_report(spec, end)
    return 0


def read_spec():
    text = sys.stdin.buffer.read(MAX_SPEC_BYTES + 1)
    if len(text) > MAX_SPEC_BYTES:
        sys.exit("the specification on standard input is longer than %d bytes" % MAX_SPEC_BYTES)
    return json.loads(text)


def harden():
    """No core, no ptrace; no signal that the agent sends has an effect."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE)")
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

    def to_end(self):
        os.makedirs(self.env.get("HOME", "/tmp"), mode=0o700, exist_ok=True)
        outputs = [Relay(1), Relay(2)]
        if self.spec.get("link"):
            Link(self.spec["link"]).start()
        self.watch.start()
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
            if status is not None:
                return status, "Exited", ""
            if self.watch.reason is not None:
                return None, self.watch.reason, self.watch.detail
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


class Watch(threading.Thread):
    """Looks at the sandbox's memory and files; sets `reason` once when a limit is near."""

    def __init__(self, spec):
        super().__init__(daemon=True)
        self.spec = spec
        self.reason = None
        self.detail = ""

    def run(self):
        files_at = 0.0
        while self.reason is None:
            self.look_at_memory()
            if self.reason is None and time.monotonic() >= files_at:
                self.look_at_files()
                files_at = time.monotonic() + FILES_EVERY
            time.sleep(MEMORY_EVERY)

    def end(self, reason, detail):
        self.detail = detail
        self.reason = reason

    def look_at_memory(self):
        limit = self.spec["limits"]["memoryBytes"]
        used = working_set()
        if used is not None and used >= NEAR * limit:
            self.end("MemoryLimit", "%d of %d bytes of memory in use" % (used, limit))

    def look_at_files(self):
        limits = self.spec["limits"]
        usage = Usage(limits["workspaceBytes"] * NEAR, limits["workspaceEntries"] * NEAR)
        try:
            for folder in (self.spec["cwd"], os.path.dirname(self.spec["reportPath"])):
                usage.add_tree(folder)
        except RecursionError:
            # Hundreds of closed folders in each other: nobody does that in good faith.
            usage.entries = usage.max_entries
        usage.add_deleted(self.spec["cwd"])
        if usage.full():
            self.end(
                "WorkspaceLimit",
                "the workspace holds at least %d bytes in %d entries; the limits are %d bytes and "
                "%d entries"
                % (usage.bytes, usage.entries, limits["workspaceBytes"], limits["workspaceEntries"]),
            )
            return
        used = temporary_bytes("/tmp", limits["tmpBytes"])
        if used >= NEAR * limits["tmpBytes"]:
            self.end("WorkspaceLimit", "/tmp holds %d of %d bytes" % (used, limits["tmpBytes"]))


def working_set():
    """Bytes that the kernel cannot simply drop: usage without the page cache. None: unknown.

    Active file pages are left out too (the kubelet's working set counts them): a harness that reads
    its own files twice must not look like a hog, and they are reclaimed before anything is killed.
    """
    for usage, figures, prefix in (
        ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "/sys/fs/cgroup/memory/memory.stat", "total_"),
        ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat", ""),
    ):
        try:
            with open(usage) as file:
                used = int(file.read())
            with open(figures) as file:
                known = dict(line.split(" ", 1) for line in file if " " in line)
            cache = int(known.get(prefix + "inactive_file", 0)) + int(known.get(prefix + "active_file", 0))
            return max(0, used - cache)
        except (OSError, ValueError):
            continue
    return None


def temporary_bytes(path, limit):
    """Bytes in /tmp: asked of the file system where it is a bounded one, else counted."""
    facts = os.statvfs(path)
    if facts.f_blocks * facts.f_frsize <= limit * 1.05:
        return (facts.f_blocks - facts.f_bfree) * facts.f_frsize
    usage = Usage(limit, float("inf"))
    usage.add_tree(path)
    return usage.bytes


class Usage:
    """Bytes and entries below folders, links not followed; stops counting at the bounds."""

    def __init__(self, max_bytes, max_entries):
        self.max_bytes = max_bytes
        self.max_entries = max_entries
        self.bytes = 0
        self.entries = 0

    def full(self):
        return self.bytes >= self.max_bytes or self.entries >= self.max_entries

    def add_tree(self, folder):
        pending = [folder]
        while pending and not self.full():
            path = pending.pop()
            try:
                pending.extend(self.add_folder(path))
            except PermissionError:
                self.add_closed_folder(path)
            except OSError as error:
                # Too deep to be named: no snapshot could hold it.
                if error.errno == errno.ENAMETOOLONG:
                    self.entries = self.max_entries

    def add_folder(self, path):
        folders = []
        with os.scandir(path) as entries:
            for entry in entries:
                self.entries += 1
                try:
                    facts = entry.stat(follow_symlinks=False)
                except OSError as error:
                    # Some folders can be listed but not entered, some are too deep to be named.
                    if error.errno in (errno.EACCES, errno.ENAMETOOLONG):
                        raise
                    continue
                if stat.S_ISDIR(facts.st_mode):
                    folders.append(entry.path)
                elif stat.S_ISREG(facts.st_mode):
                    self.bytes += max(facts.st_size, facts.st_blocks * 512)
                if self.full():
                    return []
        return folders

    def add_closed_folder(self, path):
        """A folder that its owner closed to itself is opened for a moment: nothing hides there."""
        try:
            mode = stat.S_IMODE(os.lstat(path).st_mode)
            os.chmod(path, mode | 0o700)
            try:
                for found in self.add_folder(path):
                    self.add_tree(found)
            finally:
                os.chmod(path, mode)
        except OSError:
            pass

    def add_deleted(self, workspace):
        """Files that have no name any more but are held open, on the workspace's file system."""
        try:
            device = os.stat(workspace).st_dev
            pids = [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]
        except OSError:
            return
        seen = set()
        for pid in pids:
            try:
                names = os.listdir("/proc/%s/fd" % pid)
            except OSError:
                continue
            for name in names:
                try:
                    facts = os.stat("/proc/%s/fd/%s" % (pid, name))
                except OSError:
                    continue
                if facts.st_dev != device or facts.st_nlink != 0 or facts.st_ino in seen:
                    continue
                if stat.S_ISREG(facts.st_mode):
                    seen.add(facts.st_ino)
                    self.bytes += facts.st_blocks * 512


class Link(threading.Thread):
    """Listens on loopback and pipes every connection to the model link's Unix socket.

    The socket may be away for a while (its owner is being restarted): a refused connect is repeated
    for `retrySeconds` while the caller waits.
    """

    MAX_PAIRS = 256

    def __init__(self, spec):
        super().__init__(daemon=True)
        self.path = spec["socket"]
        self.retry_seconds = spec["retrySeconds"]
        self.selector = selectors.DefaultSelector()
        self.waiting = []
        self.pairs = set()
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", spec["port"]))
        self.listener.listen(128)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, None)

    def run(self):
        while True:
            for key, events in self.selector.select(0.1 if self.waiting else None):
                if key.data is None:
                    self.accept()
                else:
                    self.serve(key.data, key.fileobj, events)
            self.connect_waiting()

    def accept(self):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        if len(self.pairs) + len(self.waiting) >= self.MAX_PAIRS:
            client.close()
            return
        client.setblocking(False)
        self.waiting.append((client, time.monotonic() + self.retry_seconds))

    def connect_waiting(self):
        still = []
        for client, until in self.waiting:
            upstream = self.try_connect()
            if upstream is not None:
                pair = Pair(client, upstream)
                self.pairs.add(pair)
                self.refresh(pair)
            elif time.monotonic() >= until:
                client.close()
            else:
                still.append((client, until))
        self.waiting = still

    def try_connect(self):
        upstream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        upstream.setblocking(False)
        try:
            upstream.connect(self.path)
            return upstream
        except OSError:
            upstream.close()
            return None

    def serve(self, pair, sock, events):
        try:
            pair.move(sock, events)
        except OSError:
            pair.broken = True
        self.refresh(pair)

    def refresh(self, pair):
        if pair.done():
            self.pairs.discard(pair)
        for sock, events in pair.interests():
            try:
                self.selector.unregister(sock)
            except (KeyError, ValueError):
                pass
            if events and not pair.done():
                self.selector.register(sock, events, pair)
        if pair.done():
            pair.close()


class Flow:
    """One direction of a pair: what was read from `source` and is not yet written to `sink`."""

    MAX_BUFFER = 4 * CHUNK

    def __init__(self, source, sink):
        self.source = source
        self.sink = sink
        self.buffer = bytearray()
        self.ended = False
        self.closed = False

    def read(self):
        data = self.source.recv(CHUNK)
        self.buffer += data
        if not data:
            self.ended = True

    def write(self):
        del self.buffer[: self.sink.send(self.buffer)]

    def settle(self):
        """Passes a half-close on once everything before it was written."""
        if self.ended and not self.buffer and not self.closed:
            self.closed = True
            self.sink.shutdown(socket.SHUT_WR)

    def wants_read(self):
        return not self.ended and len(self.buffer) < self.MAX_BUFFER


class Pair:
    def __init__(self, client, upstream):
        self.flows = (Flow(client, upstream), Flow(upstream, client))
        self.broken = False

    def move(self, sock, events):
        for flow in self.flows:
            try:
                if flow.source is sock and events & selectors.EVENT_READ:
                    flow.read()
                if flow.sink is sock and events & selectors.EVENT_WRITE and flow.buffer:
                    flow.write()
            except (BlockingIOError, InterruptedError):
                pass
            flow.settle()

    def interests(self):
        for flow, back in (self.flows, self.flows[::-1]):
            events = selectors.EVENT_READ if flow.wants_read() else 0
            yield flow.source, events | (selectors.EVENT_WRITE if back.buffer else 0)

    def done(self):
        return self.broken or all(flow.closed for flow in self.flows)

    def close(self):
        for flow in self.flows:
            flow.source.close()


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
