"""What the sandbox connects to, by the kernel's own counts for its network. It is hostile.

Where many agents share a node they also share its table of connections: one that is full takes name
look-ups and model calls from everybody on the node, the server among them. So a sandbox may hold only
so many sockets, and may open only so many connections that lead out of it.
"""

import os

SOCKETS = 4096
"""Of TCP at once; both ends of one inside the sandbox count."""
OPENED = 4096
OPENED_A_SECOND = 32
"""Connections that lead out: so many in one go, and that many a second. A node remembers each for two
minutes, also after its end."""
MAX_TEXT = 16384


class Connections:
    """Counts from when it is made. A kernel that shows no counts bounds nothing."""

    def __init__(self, now):
        # Held open: this is asked ten times a second for as long as an agent waits for its model.
        self.counters = open_figures("snmp")
        self.families = [
            (b"TCP:", open_figures("sockstat")),
            (b"TCP6:", open_figures("sockstat6")),
        ]
        self.outward = self.count_outward()
        self.level = 0.0
        self.looked_at = now

    def problem(self, now):
        """What is beyond the bounds, in words; None where nothing is."""
        sockets = self.count_sockets()
        if sockets > SOCKETS:
            return "%d TCP sockets at once; the limit is %d" % (sockets, SOCKETS)
        outward = self.count_outward()
        self.level = max(0.0, self.level - OPENED_A_SECOND * (now - self.looked_at))
        # The count also falls: an attempt leaves it when it is known to have failed.
        self.level += max(0, outward - self.outward)
        self.outward = max(self.outward, outward)
        self.looked_at = now
        if self.level > OPENED:
            message = "the sandbox opened more than %d connections that lead out of it, and %d a second"
            return message % (OPENED, OPENED_A_SECOND)
        return None

    def count_sockets(self):
        """Those in use, listening ones too."""
        count = 0
        for family, file in self.families:
            for words in read_lines(file, family):
                figures = dict(zip(words[1::2], words[2::2]))
                count += int(figures.get(b"inuse", 0))
        return count

    def count_outward(self):
        """Connections that were opened here, and neither accepted here nor refused."""
        lines = read_lines(self.counters, b"Tcp:")
        if len(lines) != 2:
            return 0
        figures = dict(zip(*lines))
        accepted_or_failed = int(figures[b"PassiveOpens"]) + int(figures[b"AttemptFails"])
        return int(figures[b"ActiveOpens"]) - accepted_or_failed


def open_figures(name):
    try:
        return os.open("/proc/self/net/" + name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def read_lines(file, first):
    """The words of each line that begins so."""
    if file is None:
        return []
    try:
        lines = os.pread(file, MAX_TEXT, 0).split(b"\n")
    except OSError:
        return []
    return [line.split() for line in lines if line.startswith(first)]
