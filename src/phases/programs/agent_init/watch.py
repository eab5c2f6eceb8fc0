"""Watches what the agent uses of memory and disk. Everything it looks at is hostile."""

import errno
import os
import signal
import stat
import threading
import time

NEAR = 0.9
"""A limit counts as reached at this share of it, so that the agent ends by us and not by the kernel."""
MEMORY_EVERY = 0.25
FILES_EVERY = 1.0
ROOM_EVERY = 0.01
SHRUNK_BYTES = 4 << 20
SHRUNK_FILES = 500
"""Files are also looked at as soon as the file system has lost so much: a fast writer puts down
gigabytes in a second."""


class Watch(threading.Thread):
    """Looks at the sandbox's memory and files; sets `reason` once when a limit is near."""

    def __init__(self, spec):
        super().__init__(daemon=True)
        self.spec = spec
        self.reason = None
        self.detail = ""
        self.memory_at = self.files_at = self.files_again_at = 0.0
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
        used = temporary_bytes("/tmp", limits["tmpBytes"])
        if used >= NEAR * limits["tmpBytes"]:
            self.end("WorkspaceLimit", "/tmp holds %d of %d bytes" % (used, limits["tmpBytes"]))


class Room:
    """What was free on a folder's file system at one moment."""

    def __init__(self, folder):
        self.folder = folder
        facts = os.statvfs(folder)
        self.bytes = facts.f_bfree * facts.f_frsize
        self.files = facts.f_ffree

    def shrank(self):
        now = Room(self.folder)
        return self.bytes - now.bytes >= SHRUNK_BYTES or self.files - now.files >= SHRUNK_FILES


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
