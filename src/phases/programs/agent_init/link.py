"""The model link inside the sandbox: loopback on one side, a Unix socket on the other."""

import selectors
import socket
import threading
import time

CHUNK = 65536


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
