"""Watches what the agent uses of memory, disk and network. Everything it looks at is hostile."""

import os
import signal
import threading
import time

from connections import Connections
from usage import ROOM_EVERY, Room, Usage

NEAR = 0.9
"""A limit counts as reached at this share of it, so that the agent ends by us and not by the kernel."""
MEMORY_EVERY = 0.25
CONNECTIONS_EVERY = 0.1
FILES_EVERY = 1.0


class Watch(threading.Thread):
    """Looks at the sandbox's memory, files and connections; sets `reason` once when a limit is near."""

    def __init__(self, spec):
        super().__init__(daemon=True)
        self.spec = spec
        self.reason = None
        self.detail = ""
        self.memory_at = self.connections_at = self.files_at = self.files_again_at = 0.0
        self.connections = Connections(time.monotonic())
        self.room = Room(spec["cwd"])

    def run(self):
        while self.reason is None:
            try:
                self.look()
            except Exception:
                # Whatever the agent put in the way: the next look must come.
                import traceback  # rarely needed, and slow to load

                traceback.print_exc()
            time.sleep(ROOM_EVERY)

    def look(self):
        now = time.monotonic()
        if now >= self.memory_at:
            self.memory_at = now + MEMORY_EVERY
            self.look_at_memory()
        if now >= self.connections_at:
            self.connections_at = now + CONNECTIONS_EVERY
            self.look_at_connections(now)
        if self.reason is not None:
            return
        shrank = self.room.shrank()
        if shrank:
            self.look_at_unwritten()
        if self.reason is None and (now >= self.files_at or (shrank and now >= self.files_again_at)):
            self.room = Room(self.spec["cwd"])
            self.files_at = now + FILES_EVERY
            self.look_at_files()
            # Others on the same disk make it shrink too: looking must not become the main work.
            self.files_again_at = time.monotonic() + 4 * (time.monotonic() - now)

    def end(self, reason, detail):
        self.detail = detail
        self.reason = reason
        # At once: the main thread may be a tenth of a second away, and a disk fills in that.
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def look_at_memory(self):
        limit = self.spec["limits"]["memoryBytes"]
        used = working_set()
        if used is not None and used >= NEAR * limit:
            self.end("MemoryLimit", "%d of %d bytes of memory in use" % (used, limit))

    def look_at_connections(self, now):
        problem = self.connections.problem(now)
        if problem is not None:
            self.end("ConnectionLimit", problem)

    def look_at_unwritten(self):
        """Cheap, and no walk that hundreds of writers could hold up."""
        limit = self.spec["limits"]["workspaceBytes"]
        unwritten = unwritten_bytes()
        if unwritten >= NEAR * limit:
            message = "%d bytes wait to be written to the disk; the workspace's limit is %d bytes"
            self.end("WorkspaceLimit", message % (unwritten, limit))

    def look_at_files(self):
        limits = self.spec["limits"]
        usage = Usage(limits["workspaceBytes"] * NEAR, limits["workspaceEntries"] * NEAR)
        try:
            for folder in (self.spec["cwd"], os.path.dirname(self.spec["reportPath"])):
                usage.add_tree(folder)
        except RecursionError:
            # Hundreds of closed folders in each other: nobody does that in good faith.
            usage.entries = usage.max_entries
        if not usage.full():
            usage.add_deleted(self.spec["cwd"])
        if usage.full():
            self.end(
                "WorkspaceLimit",
                "the workspace holds at least %d bytes in %d entries; the limits are %d bytes and "
                "%d entries"
                % (usage.bytes, usage.entries, limits["workspaceBytes"], limits["workspaceEntries"]),
            )
            return
        # A server of the release before, after a rollback, knows no such limit.
        most = limits.get("reportBytes", limits["workspaceBytes"])
        report = Usage(most * NEAR, float("inf"))
        report.add_tree(os.path.dirname(self.spec["reportPath"]))
        if report.full():
            message = "the report's folder holds at least %d bytes; the limit is %d bytes"
            self.end("WorkspaceLimit", message % (report.bytes, most))
            return
        used = temporary_bytes("/tmp", limits["tmpBytes"])
        if used >= NEAR * limits["tmpBytes"]:
            self.end("WorkspaceLimit", "/tmp holds %d of %d bytes" % (used, limits["tmpBytes"]))


def unwritten_bytes():
    """What this sandbox has written to files and the disk does not have yet; 0 where it is unknown.

    All of it lies in the folders that are watched: a temporary file system has nothing to write.
    """
    for figures, names in (
        ("/sys/fs/cgroup/memory/memory.stat", ("total_dirty", "total_writeback")),
        ("/sys/fs/cgroup/memory.stat", ("file_dirty", "file_writeback")),
    ):
        known = read_figures(figures)
        if names[0] in known:
            return sum(known.get(name, 0) for name in names)
    return 0


def read_figures(path):
    try:
        with open(path) as file:
            lines = [line.split() for line in file]
        return {line[0]: int(line[1]) for line in lines if len(line) == 2}
    except (OSError, ValueError):
        return {}


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
            known = read_figures(figures)
            cache = known.get(prefix + "inactive_file", 0) + known.get(prefix + "active_file", 0)
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
