"""The agent's output on its way out: to our own descriptors, or kept until the agent is gone."""

import os
import threading

CHUNK = 65536
LOG_BYTES = 65536
"""So much of the start of a kept output also goes to the container's own log."""


class Kept:
    """The first and the last `keep` bytes of a stream, in memory that does not grow with it."""

    def __init__(self, keep):
        self.keep = keep
        self.head = bytearray()
        self.tail = bytearray()
        self.total = 0

    def push(self, data):
        self.total += len(data)
        room = self.keep - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        if len(self.tail) > 2 * self.keep:
            del self.tail[: -self.keep]

    def text(self):
        tail = self.tail[-self.keep :]
        left = self.total - len(self.head) - len(tail)
        gap = b"\n[... %d bytes left out ...]\n" % left if left > 0 else b""
        return bytes(self.head + gap + tail)


class Relay(threading.Thread):
    """Carries the agent's output to our own: a real pipe, drained whatever its volume."""

    def __init__(self, target, kept=None):
        super().__init__(daemon=True)
        self.target = target
        self.kept = kept
        self.reader, self.writer = os.pipe()
        self.start()

    def run(self):
        try:
            while True:
                data = os.read(self.reader, CHUNK)
                if not data:
                    return
                self.carry(data)
        except OSError:
            # Nobody listens any more: the agent gets EPIPE, as from any closed pipe.
            os.close(self.reader)

    def carry(self, data):
        if self.kept is None:
            write_all(self.target, data)
            return
        room = LOG_BYTES - self.kept.total
        self.kept.push(data)
        if room > 0:
            try:
                write_all(self.target, data[:room])
            except OSError:
                pass  # no log, no loss: it is kept

    def finish(self, seconds):
        os.close(self.writer)
        self.join(timeout=seconds)


def write_all(target, data):
    data = memoryview(data)
    while data:
        data = data[os.write(target, data) :]


def write_new(path, data):
    """A file of our own at this path. Whatever lies there was made by others and is moved aside:
    removing it could take for ever."""
    if os.path.lexists(path):
        os.rename(path, "%s.%s" % (path, os.urandom(8).hex()))
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    try:
        write_all(fd, data)
    finally:
        os.close(fd)
