"""SIGTERM: finish the step, write a checkpoint, end with 143; within the grace or without it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .failures import EXIT_PREEMPTED, Preempted

SLICE_SECONDS = 0.05


class StopRequest:
    """Set by the first SIGTERM. From then on the process ends within the grace in any case.

    A plain flag and not an event: the handler may run while the main thread holds the event's lock.
    """

    def __init__(self) -> None:
        self.asked = False
        self._may_interrupt = False

    def wait(self, seconds: float) -> bool:
        """Waits so long for a request; true where there is one."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, SLICE_SECONDS))
        return self.asked

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Within it a request ends whatever blocks, as Preempted: nothing there needs to finish."""
        self._may_interrupt = True
        try:
            if self.asked:
                raise Preempted("asked to stop")
            yield
        finally:
            self._may_interrupt = False

    def listen(self, grace_seconds: float) -> StopRequest:
        """Takes over SIGTERM of this process. Only the main thread may call it."""

        def on_term(_number: int, _frame: FrameType | None) -> None:
            if not self.asked:
                self.asked = True
                # Leaves at once: a checkpoint that is not whole by then was never renamed.
                timer = threading.Timer(grace_seconds, os._exit, (EXIT_PREEMPTED,))
                timer.daemon = True
                timer.start()
            if self._may_interrupt:
                self._may_interrupt = False
                raise Preempted("asked to stop")

        signal.signal(signal.SIGTERM, on_term)
        return self
