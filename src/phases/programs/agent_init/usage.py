"""What folders hold and what their file system has left. Everything that is looked at is hostile."""

import errno
import os
import stat

ROOM_EVERY = 0.01
SHRUNK_BYTES = 4 << 20
SHRUNK_FILES = 500
"""Files are also looked at as soon as the file system has lost so much: a fast writer puts down
gigabytes in a second."""


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
