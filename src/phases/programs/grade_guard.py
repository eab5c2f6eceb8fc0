"""Bounds what the programs that a verifier starts can put on the disk."""

import _thread
import time

from usage import ROOM_EVERY, Room, Usage

LOOK_EVERY = 1.0


class Guard:
    """Calls `on_full` once when the folders together have grown by more than was granted."""

    def __init__(self, folders, growth_bytes, growth_entries, on_full):
        self.folders, self.on_full = folders, on_full
        at_start = self.usage(float("inf"), float("inf"))
        self.bytes = at_start.bytes + growth_bytes
        self.entries = at_start.entries + growth_entries
        self.room = Room(folders[0])
        self.look_at = self.again_at = 0.0

    def usage(self, max_bytes, max_entries):
        usage = Usage(max_bytes, max_entries)
        for folder in self.folders:
            usage.add_tree(folder)
        usage.add_deleted(self.folders[0])
        return usage

    def start(self):
        _thread.start_new_thread(self.watch, ())

    def watch(self):
        while not self.is_full():
            time.sleep(ROOM_EVERY)
        self.on_full()

    def is_full(self):
        try:
            now = time.monotonic()
            if now < self.look_at and (now < self.again_at or not self.room.shrank()):
                return False
            self.room = Room(self.folders[0])
            full = self.usage(self.bytes, self.entries).full()
            self.look_at = now + LOOK_EVERY
            self.again_at = time.monotonic() + 4 * (time.monotonic() - now)
            return full
        except RecursionError:
            return True
        except Exception:
            # Whatever was put in the way: the next look must come.
            return False
